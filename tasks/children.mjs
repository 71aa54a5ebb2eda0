// Child processes of a task: started here, remembered, and ended by pid when the task ends, however it ends.
import { spawn } from 'node:child_process';

const running = new Set();
const cleanups = [];
let watching = false;

/** A task that cannot go on; its message is all the user needs, so no stack is shown. */
export class TaskError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Starts a child that is ended with this process. It gets a session of its own, so that Ctrl-C reaches this process
 * alone and children end in the order this process wants.
 */
export function startChild(command, args, options = {}) {
  watchForTheEnd();
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  running.add(child);
  child.ended.then(() => running.delete(child));
  return child;
}

/** Asks a child to end with `signal`, and kills it when it has not within `graceMs`; resolves to how it ended. */
export async function stopChild(child, signal = 'SIGTERM', graceMs = 5_000) {
  if (child.exitCode !== null || child.signalCode !== null) return child.ended;
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  try {
    return await child.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a command to its end with the terminal's output; resolves to its exit code (128 + n for signal n). */
export async function run(command, args, options = {}) {
  const child = startChild(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  const { code, error } = await child.ended;
  if (error) throw new TaskError(`cannot run ${command}: ${error.message}`);
  return code ?? 1;
}

/** Runs a command and resolves to `{ code, output }`; what it prints is passed on as it comes when `echo` is set. */
export async function capture(command, args, { echo = false, ...options } = {}) {
  const child = startChild(command, args, options);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      output += text;
      if (echo) process.stdout.write(text);
    });
  }
  const { code, error } = await child.ended;
  if (error) throw new TaskError(`cannot run ${command}: ${error.message}`);
  return { code: code ?? 1, output };
}

/** Has `action`, which must be synchronous, run when this process ends. */
export function onEnd(action) {
  watchForTheEnd();
  cleanups.push(action);
}

function watchForTheEnd() {
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
    for (const action of cleanups.reverse()) action();
  });
  for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number);
    });
  }
}

/** Runs a task's main function and turns what it throws into one line and an exit code. */
export async function runTask(main) {
  try {
    process.exit((await main()) ?? 0);
  } catch (error) {
    console.error(error instanceof TaskError ? `\n${error.message}` : error);
    process.exit(error.exitCode ?? 1);
  }
}

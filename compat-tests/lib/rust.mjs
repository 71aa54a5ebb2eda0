// The bullrs binary as a child process of a test.
import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startChild, stopChild } from '../../tasks/children.mjs';
import { temporaryFolder } from '../../tasks/servers.mjs';
import { until } from './wait.mjs';

/** The binary under test: `BULLRS_BIN`, else the dev build. */
export const binary = process.env.BULLRS_BIN ?? fileURLToPath(new URL('../../target/debug/bullrs', import.meta.url));

let folder;

/** Where commands run: empty, so that no configuration file and no database of the machine is found. */
function emptyFolder() {
  folder ??= temporaryFolder('cwd');
  return folder;
}

/** The environment without anything that bullrs would read, plus `env`. */
function environment(env) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(REDIS|DATABASE|BULLRS|BULLMQ|JOB|OPENAI|RUST)_/.test(name));
  return { ...Object.fromEntries(inherited), ...env };
}

/** Runs a command of bullrs to its end; resolves to `{ code, stdout, stderr }`. */
export async function bullrs(args, { env = {}, input, cwd = emptyFolder(), deadline = 20_000 } = {}) {
  const child = startChild(binary, args, { cwd, env: environment(env), stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text) => {
      output[name] += text;
    });
  }
  if (input !== undefined) child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), deadline);
  const { code, signal, error } = await child.ended;
  clearTimeout(timer);
  if (error) throw error;
  return { code, signal, ...output };
}

/** A running `bullrs worker` or `bullrs bench worker`. */
export class RustWorker {
  #child;
  #text = '';
  /** What it logged, one object a line; a line that is no JSON stands as `{ text }`. */
  log = [];

  /**
   * @param options.command  `bench` (default) or `worker`
   * @param options.flags  further flags, as `{ 'lock-duration': '500ms', burst: true }`
   */
  constructor({ command = 'bench', url, queues, concurrency, mode, flags = {}, env = {}, cwd = emptyFolder() }) {
    accessSync(binary, constants.X_OK);
    const head = command === 'bench' ? ['bench', 'worker'] : ['worker'];
    const given = { queues: [].concat(queues).join(','), concurrency, mode, 'redis-url': url, 'log-format': 'json', ...flags };
    const tail = Object.entries(given).flatMap(([name, value]) => {
      if (value === undefined || value === false) return [];
      return value === true ? [`--${name}`] : [`--${name}`, String(value)];
    });
    this.#child = startChild(binary, [...head, ...tail], { cwd, env: environment(env) });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => this.#take(text));
    this.#child.stderr.setEncoding('utf8').on('data', (text) => this.#take(text));
    this.ended = this.#child.ended.then((how) => {
      this.how = how;
      return how;
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resolves once a line of the log matches. */
  async logged(what, matches, options) {
    return until(`the log of bullrs says ${what}`, () => this.log.find(matches), { explain: () => this.tail(), ...options });
  }

  /** Resolves once the worker says that it serves; rejects when it ended instead. */
  async ready() {
    return until(
      'bullrs serves',
      () => {
        if (this.how) throw new Error(`bullrs ended (${JSON.stringify(this.how)}) before it was ready:\n${this.tail()}`);
        return this.log.some(isReady);
      },
      { explain: () => this.tail() },
    );
  }

  /** Asks it to end and resolves to `{ code, signal }`. */
  async stop(signal = 'SIGTERM', graceMs = 15_000) {
    return stopChild(this.#child, signal, graceMs);
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Ends it like a power cut. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** The last lines it wrote, for messages. */
  tail() {
    return this.#text.split('\n').slice(-20).join('\n') || '(it wrote nothing)';
  }

  #rest = '';

  #take(text) {
    this.#text = (this.#text + text).slice(-200_000);
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) if (line.trim()) this.log.push(parse(line));
  }
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return { text: line };
  }
}

function isReady(entry) {
  return /\b(ready|serving|serves)\b/.test(entry.fields?.message ?? entry.message ?? entry.text ?? '');
}


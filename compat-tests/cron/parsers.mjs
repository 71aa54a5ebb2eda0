// The three that are compared: cron-parser 5 and 4, as stock bullmq 6 and 5 load them, and ours.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Loads what the stock package of this name loads as `name`. */
function loadedBy(stock, name) {
  const here = createRequire(import.meta.url);
  return createRequire(here.resolve(stock))(name);
}

const { CronExpressionParser } = loadedBy('bullmq6', 'cron-parser');
const { parseExpression } = loadedBy('bullmq5', 'cron-parser');
assert.equal(loadedBy('bullmq6', 'cron-parser/package.json').version, '5.10.3');
assert.equal(loadedBy('bullmq5', 'cron-parser/package.json').version, '4.9.0');

const neverAgain = /loop limit exceeded|Out of the time ?span range/;

/**
 * Answers as a BullMQ scheduler would see it: a fresh parse for each time, from the one before.
 * The answer is `{ next }`, or `{ error }` where the pattern or the zone is refused; `gaveUp` says
 * that the parser ended its search at its own limit.
 */
function answerWith(parse) {
  return ({ pattern, tz, from, count, seed, ...dates }) => {
    const next = [];
    for (let now = from; next.length < count; now = next.at(-1)) {
      let expression;
      try {
        expression = parse(pattern, { ...dates, tz, hashSeed: seed, currentDate: new Date(now) });
      } catch (error) {
        return { error: error.message };
      }
      try {
        next.push(expression.next().getTime());
      } catch (error) {
        if (!neverAgain.test(error.message)) return { error: error.message };
        return { next, gaveUp: error.message.includes('loop limit') };
      }
    }
    return { next };
  };
}

export const cronParser5 = answerWith((pattern, options) => CronExpressionParser.parse(pattern, options));
export const cronParser4 = answerWith((pattern, options) => parseExpression(pattern, options));

const program = process.env.BULLRS_CRON_NEXT ?? fileURLToPath(new URL('../../target/debug/examples/cron_next', import.meta.url));

/** Our answers to all `requests`, in their order. */
export async function bullrs(requests) {
  try {
    accessSync(program, constants.X_OK);
  } catch {
    throw new Error(`${program} is missing: run \`cargo build --example cron_next\``);
  }
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TZ: 'UTC' } });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal ?? code));
  });
  child.stdin.on('error', () => {});
  child.stdin.end(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  const answers = [];
  for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line));
  assert.equal(await ended, 0, 'the program ends well');
  assert.equal(answers.length, requests.length, 'the program answers every line');
  return answers;
}

/** A request and the times of an answer, to be read by people. */
export function shown(request, answer) {
  const times = answer.next?.map((ms) => (ms > request.from - 1e11 ? new Date(ms).toISOString() : ms));
  return `${JSON.stringify(request.pattern)} in ${request.tz} after ${new Date(request.from).toISOString()}: ${
    answer.error ?? `${times.join(' ') || 'never'}${answer.gaveUp ? ' (gave up)' : ''}`
  }`;
}

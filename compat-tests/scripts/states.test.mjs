// Every method of a queue and of a job, on a job in every state: stock 6.x answers alike with its own scripts and with
// ours, and leaves the same database. Walks come to the common pairs by chance; here each has its turn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { stock, stockOnOurScripts } from '../lib/stock.mjs';
import { METHODS } from './methods.mjs';
import { Side } from './side.mjs';
import { NOW, STATES } from './states.mjs';

/** One pair in so many is looked at; 1 looks at all. */
const PART = Number(process.env.BULLRS_STATES_PART ?? 4);

const realNow = Date.now;
const lab = await Lab.start();
let sides;

before(async () => {
  const ours = stockOnOurScripts(await exportScripts()).module;
  sides = [new Side(stock(6), await lab.database()), new Side(ours, await lab.database())];
  await Promise.all(sides.map((side) => side.ready()));
});

after(async () => {
  await Promise.all(sides.map((side) => side.close()));
});

let number = 0;
for (const paused of [false, true]) {
  for (const [state, put] of Object.entries(STATES)) {
    const methods = Object.entries(METHODS).filter(() => (number += 1) % PART === 0);
    test(`${state}${paused ? ', paused' : ''}: ${methods.length} methods`, { timeout: 120_000 }, async () => {
      for (const [method, call] of methods) {
        const [theirs, own] = [await play(sides[0], put, paused, call), await play(sides[1], put, paused, call)];
        assert.deepEqual(own, theirs, `${method} (stock is what was expected)`);
      }
    });
  }
}

/** Puts a job into its state in an empty database, calls the method, and tells all that can be seen. */
async function play(side, put, paused, call) {
  await side.redis.flushdb();
  side.active.length = 0;
  Date.now = () => NOW;
  try {
    const job = await put(side);
    if (paused) await side.queues.q.pause();
    const answer = await answerOf(() => call(side, job));
    const { attemptsMade, delay, priority, finishedOn, returnvalue, failedReason } = job;
    const state = await side.state();
    for (const entry of Object.values(state)) entry.ttl = entry.ttl !== null;
    return { answer, job: { attemptsMade, delay, priority, finishedOn, returnvalue, failedReason }, state };
  } finally {
    Date.now = realNow;
  }
}

/** What a call answers, or the message it fails with. */
async function answerOf(call) {
  try {
    return { answer: JSON.parse(JSON.stringify((await call()) ?? null)) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

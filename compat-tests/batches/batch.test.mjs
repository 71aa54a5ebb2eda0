// What one call of `finishAndClaim` leaves is what stock's calls leave, one for each outcome and then one for each claim:
// over queues in random states, batches of 1 to 50 jobs of every outcome, with parents, deduplication, retention, limits, and
// what else happens between the taking and the end. Only the order among the events may differ, and each job's stays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { knownDifference } from '../client/known.mjs';
import { shrink } from '../client/shrink.mjs';
import { canonical, settled, stateDifference } from '../client/state.mjs';
import { StockSide } from '../client/stock-side.mjs';
import { STEPS } from '../client/steps/index.mjs';
import { QUEUES, World } from '../client/world.mjs';
import { Chance } from '../lib/chance.mjs';
import { againstStock } from '../lib/drivers.mjs';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { snapshot } from '../lib/snapshot.mjs';
import { stock } from '../lib/stock.mjs';
import { inOneCall, oneByOne } from './calls.mjs';
import { drawBatch } from './draw.mjs';

const SEEDS = Number(process.env.BULLRS_BATCH_SEEDS ?? 150);
const FIRST = Number(process.env.BULLRS_BATCH_SEED ?? 1);
const skip = againstStock && 'stock has no batches';

const lab = await Lab.start();
let side;
let other;
let folder;

before(async () => {
  if (againstStock) return;
  folder = await exportScripts();
  const database = await lab.database();
  other = await lab.database();
  side = await StockSide.start('stock', stock(6), database);
});

after(() => side?.close());

test(`${SEEDS} random batches leave what single calls leave`, { timeout: 240_000, skip }, async () => {
  const sizes = new Map();
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    await begin();
    const steps = await drawBatch(new Chance(seed * 40_503), side, play);
    const found = await differenceOf(steps);
    const size = steps.filter((step) => step.do === 'outcome').length;
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
    if (found) assert.fail(await explain(seed, steps, found));
  }
  // The draw must not run dry: most batches have several outcomes, and some have many.
  if (SEEDS >= 100) {
    const [many, several] = [10, 2].map((least) => [...sizes].filter(([size]) => size >= least).reduce((sum, [, count]) => sum + count, 0));
    assert.ok(several > SEEDS / 3 && many > SEEDS / 20, `sizes of the batches: ${JSON.stringify([...sizes])}`);
  }
});

async function begin() {
  await side.redis.flushdb();
  await other.client.flushdb();
  for (const queue of QUEUES) await side.redis.hset(`bull:${queue}:meta`, 'opts.maxLenEvents', '10000', 'version', 'bullmq:6.7.0');
  side.reset();
}

/** Plays one step of the preparation. */
async function play(step, world) {
  if (step.do === 'wait') world.now += step.ms;
  else if (!knownDifference(step, new Map(), 6)) {
    const { meddle, play: act } = STEPS[step.do];
    await meddle?.(side.redis, step);
    if (act) await side.play(step, world.now);
  }
}

/** Prepares the queue anew, copies it, ends the batch in both ways, and says how what they leave differs. */
async function differenceOf(steps) {
  await begin();
  const world = new World(new Chance(0), 6);
  const outcomes = [];
  for (const step of steps) {
    if (step.do === 'outcome') outcomes.push(step);
    else if (step.do !== 'batch') await play(step, world);
  }
  const held = await idsByToken();
  const batch = {
    ...(steps.find((step) => step.do === 'batch') ?? { wanted: 0 }),
    now: world.now,
    outcomes: outcomes.filter(({ taken }) => held.has(taken)).map((outcome) => ({ ...outcome, token: outcome.taken, id: held.get(outcome.taken) })),
  };
  const number = other.connection.db;
  for (const key of await side.redis.keys('*')) await side.redis.copy(key, key, 'DB', number);
  const before = await snapshot(side.redis);
  const theirs = await oneByOne(side.redis, batch);
  const ours = await inOneCall(other.client, batch, folder);
  return compare(before, batch, theirs, ours);
}

/** Ids of the taken jobs by their tokens, whatever became of their locks since. */
async function idsByToken() {
  return new Map(side.taken.map((token) => [token, side.idOf(token)]));
}

async function compare(before, batch, theirs, ours) {
  const [left, right] = await Promise.all([snapshot(side.redis), snapshot(other.client)]);
  const codes = theirs.codes.map((code, index) => (batch.outcomes[index].kind === 'wait' && code > 0 ? 'limited' : code));
  const own = ours.codes.map((code, index) => (batch.outcomes[index].kind === 'wait' && code > 0 ? 'limited' : code));
  if (canonical(codes) !== canonical(own)) return { where: 'codes', stock: codes, other: own };
  if (canonical(theirs.claims) !== canonical(ours.claims)) return { where: 'claims', stock: theirs.claims, other: ours.claims };
  const order = orderFault(before, right);
  if (order) return { where: 'order of the events', other: order };
  return stateDifference(settled(withEventsByJob(left)), settled(withEventsByJob(right)));
}

/** New `active` events stand after all that ended, and `drained` comes once at most. */
function orderFault(before, after) {
  const key = 'bull:q:events';
  const events = (after.get(key)?.value ?? []).slice(before.get(key)?.value.length ?? 0).map(([, event]) => event);
  const ended = Math.max(...['completed', 'failed'].map((event) => events.lastIndexOf(event)));
  const active = events.indexOf('active');
  const isWrong = (active !== -1 && active < ended) || events.filter((event) => event === 'drained').length > 1;
  return isWrong ? events : undefined;
}

/** Streams as each job's events in their order, without `drained`, which single calls repeat. */
function withEventsByJob(state) {
  return new Map(
    [...state].map(([key, entry]) => {
      if (entry.type !== 'stream') return [key, entry];
      const jobs = {};
      for (const fields of entry.value) if (fields[1] !== 'drained') (jobs[fields[3]] ??= []).push(fields);
      return [key, { ...entry, value: jobs }];
    }),
  );
}

async function explain(seed, steps, found) {
  const small = await shrink(steps, async (candidate) => (await differenceOf(candidate))?.where === found.where, { budget: 600 });
  const last = (await differenceOf(small)) ?? found;
  const show = (value) => JSON.stringify(value);
  return [`seed ${seed}: ${last.where} differs`, `  stock: ${show(last.stock)}`, `  ours:  ${show(last.other)}`, ...small.map((step, index) => `  ${index + 1}. ${show(step)}`)].join('\n');
}

// Draws a queue in some state and a batch of outcomes for the jobs that were taken from it.
import { jobOptions } from '../client/options.mjs';
import { drawStep } from '../client/steps/index.mjs';
import { World } from '../client/world.mjs';
import { snapshot } from '../lib/snapshot.mjs';

/** Steps that make a queue worth a batch; what reads, and what ends jobs one by one, is left out. */
const SETUP = new Set(['add', 'addBulk', 'addFlow', 'addFlows', 'changePriority', 'changeDelay', 'removeChildDependency', 'setConcurrency', 'setRateLimit', 'wait', 'updateData', 'log']);

/** What may happen between the taking and the batch. */
const BETWEEN = new Set(['pause', 'setConcurrency', 'setRateLimit', 'rateLimit', 'dropLock', 'stealLock', 'loseHash', 'add', 'addFlow', 'promote', 'wait', 'remove', 'checkStalled', 'changePriority']);

const KEEPS = [undefined, undefined, { count: -1 }, { count: 0 }, { count: 1 }, { count: 3 }, { age: 3_600 }, { age: 0 }, { count: 2, age: 1 }];

/** A drawn step of one of these kinds. */
function drawOf(chance, world, kinds) {
  for (;;) {
    const step = drawStep(chance, world, { withSchedulers: false });
    if (!kinds.has(step.do) || (step.do === 'pause' && step.queue !== 'q')) continue;
    return step;
  }
}

/** Draws and plays: `{ steps }`, the last of them the outcomes and the batch itself. */
export async function drawBatch(chance, side, play) {
  const world = new World(chance, 6);
  const steps = [];
  const go = async (step) => {
    steps.push(step);
    await play(step, world);
    world.observe(await snapshot(side.redis), side.taken);
  };
  const pile = Array.from({ length: chance.of([0, 0, 5, 20, 60]) }, (_, n) => ({ name: 'pile', data: { n }, opts: jobOptions(chance, { parent: false }) }));
  if (pile.length) await go({ do: 'addBulk', queue: 'q', jobs: pile });
  const setup = 5 + chance.below(25);
  for (let n = 0; n < setup; n += 1) await go(drawOf(chance, world, SETUP));
  const takes = 1 + chance.below(chance.next() < 0.4 ? 50 : 12);
  for (let n = 0; n < takes; n += 1) await go({ do: 'take', queue: 'q', token: world.token() });
  const between = chance.below(6);
  for (let n = 0; n < between; n += 1) await go(drawOf(chance, world, BETWEEN));
  for (const token of world.taken) if (chance.next() < 0.9) steps.push(drawOutcome(chance, token));
  if (world.taken.length > 0 && chance.next() < 0.1) steps.push(drawOutcome(chance, world.takenToken()));
  steps.push({ do: 'batch', wanted: chance.of([0, 1, 3, 50]), metrics: chance.next() < 0.5, name: chance.maybe(0.5, 'by-batch'), limiter: chance.maybe(0.2, { max: chance.of([1, 3, 100]), duration: 600_000 }) });
  return steps;
}

function drawOutcome(chance, taken) {
  const kind = chance.of(['completed', 'completed', 'completed', 'failed', 'failed', 'delayed', 'retry', 'wait']);
  const outcome = { do: 'outcome', taken, kind };
  const fields = chance.maybe(0.5, ['failedReason', 'bad', 'stacktrace', '["bad"]']);
  if (kind === 'completed') return { ...outcome, value: chance.of(['null', '{"a":1}', '"text"']), keep: chance.of(KEEPS), attempts: 1 };
  if (kind === 'failed') return { ...outcome, value: chance.of(['bad', '']), keep: chance.of(KEEPS), attempts: chance.of([0, 1, 2, 5]), fields };
  if (kind === 'delayed') return { ...outcome, value: chance.of([0, 50, 60_000]), skipAttempt: chance.next() < 0.4, fields };
  if (kind === 'retry') return { ...outcome, value: chance.of(['LPUSH', 'RPUSH']), fields };
  return { ...outcome, value: '' };
}

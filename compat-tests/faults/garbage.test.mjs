// Jobs that no sane producer would write: the bad one fails and says why, the others are done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { startWorker } from '../lib/fleet.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const skip = againstStock && 'stock stumbles over these';

/** A sane job on either side of a bad one that is written by hand; resolves when all that can end has ended. */
async function runBetween(write, mode = 'noop') {
  const database = await lab.database();
  const kit = new Kit(stock(6), database);
  const queue = await kit.queue();
  await queue.add('before', {}, { jobId: 'before' });
  await write(kit, queue);
  await queue.add('after', {}, { jobId: 'after' });
  const worker = startWorker({ database, queues: ['q'], mode, concurrency: 2 });
  try {
    await until('the sane jobs are completed', async () => (await kit.events('q', 'completed')).filter(({ jobId }) => ['before', 'after'].includes(jobId)).length === 2, {
      explain: () => worker.tail(),
    });
    await until('nothing waits and nothing is active', async () => (await kit.redis.exists(kit.key('q', 'active'), kit.key('q', 'wait'))) === 0, { explain: () => worker.tail() });
    assert.equal(worker.how, undefined, worker.tail());
    return { kit, worker, reason: await kit.redis.hget(kit.key('q', 'bad'), 'failedReason'), state: await stateOf(kit) };
  } finally {
    await worker.stop();
    await kit.close();
  }
}

async function stateOf(kit) {
  for (const state of ['completed', 'failed', 'delayed']) if ((await kit.redis.zscore(kit.key('q', state), 'bad')) !== null) return state;
  return 'none';
}

/** Writes a job by hand, as other clients and old versions do. */
function job(fields) {
  return async (kit) => {
    const whole = { name: 'bad', data: '{}', opts: '{"attempts":3}', timestamp: String(Date.now()), delay: '0', priority: '0', ...fields };
    const kept = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
    await kit.redis.hset(kit.key('q', 'bad'), kept);
    await kit.redis.lpush(kit.key('q', 'wait'), 'bad');
  };
}

const FAILS = [
  ['options that are no JSON', { opts: '{"attempts":' }, /opts/],
  ['options of the wrong kind', { opts: '{"removeOnComplete":"yes"}' }, /opts.*removeOnComplete/],
  ['numbers that are words', { timestamp: 'now', delay: 'soon', stc: 'x' }, /timestamp/],
  ['data that is no JSON', { data: '{"n":1' }, /data/],
  ['data that is nothing', { data: '' }, /data/],
];

for (const [name, fields, mentions] of FAILS) {
  test(`${name}`, { timeout: 60_000, skip }, async () => {
    const { state, reason } = await runBetween(job(fields), 'echo');
    assert.equal(state, 'failed');
    assert.match(reason, mentions);
  });
}

const WORKS = [
  ['no options', { opts: undefined }],
  ['empty options', { opts: '{}' }],
  ['no name', { name: undefined }],
  ['no timestamp, delay or priority', { timestamp: undefined, delay: undefined, priority: undefined }],
  ['numbers with fractions and exponents', { timestamp: '1.7e+12', delay: '100.5', opts: '{"delay":100.5,"attempts":1.7976931348623157e308,"removeOnFail":-1}' }],
  ['options that are a list', { opts: '[1]' }],
  ['a parent that is no JSON', { parent: '{"id":', parentKey: 'bull:p:1' }],
  ['options of another age', { opts: '{"debounce":{"id":"x"},"repeat":null,"unknown":{"deep":[1]},"backoff":null}' }],
];

for (const [name, fields] of WORKS) {
  test(`${name}: the job is done all the same`, { timeout: 60_000, skip }, async () => {
    const { state, reason, worker } = await runBetween(job(fields));
    assert.equal(state, 'completed', `${reason}\n${worker.tail()}`);
  });
}

test('counters that are no numbers', { timeout: 60_000, skip }, async () => {
  const { state } = await runBetween(job({ atm: 'many', ats: 'often' }));
  assert.ok(['completed', 'failed'].includes(state), `the job came to an end, not: ${state}`);
});

test('an id whose hash is gone', { timeout: 60_000, skip }, async () => {
  const { state, kit } = await runBetween((kit) => kit.redis.lpush(kit.key('q', 'wait'), 'bad'));
  assert.notEqual(state, 'completed');
  assert.equal(await kit.redis.exists(kit.key('q', 'bad:lock')), 0);
});

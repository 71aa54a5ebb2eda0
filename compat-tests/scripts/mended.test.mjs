// Where stock loses or corrupts something, our scripts keep their contract and do the right thing. Each test shows
// both: what stock does, so that a later stock version that mends it is noticed, and what ours does.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock, stockOnOurScripts } from '../lib/stock.mjs';

const lab = await Lab.start();
let ours;

before(async () => {
  ours = stockOnOurScripts(await exportScripts()).module;
});

/** Plays `play(kit)` on stock's scripts and on ours; `theirs` and `mine` check what each answers. */
function mended(name, play, { theirs, mine }) {
  test(name, { timeout: 30_000, skip: againstStock && 'nothing is mended in stock' }, async () => {
    for (const [module, check] of [[stock(6), theirs], [ours, mine]]) {
      const kit = new Kit(module, await lab.database());
      try {
        check(await play(kit));
      } finally {
        await kit.close();
      }
    }
  });
}

const HOUR = 3_600_000;

mended(
  'drain keeps the iteration that a scheduler waits for, and nothing else',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('drained', {}, { jobId: 'a' });
    await queue.upsertJobScheduler('s', { every: HOUR }, { name: 'tick' });
    await queue.add('drained', {}, { jobId: 'b' });
    await queue.drain();
    const waiting = await kit.redis.lrange(kit.key('q', 'wait'), 0, -1);
    return waiting.map((id) => id.replace(/\d{13}/, 'T'));
  },
  { theirs: (waiting) => assert.notDeepEqual(waiting, ['repeat:s:T']), mine: (waiting) => assert.deepEqual(waiting, ['repeat:s:T']) },
);

mended(
  'a scheduler changed while its queue is paused has one iteration',
  async (kit) => {
    const queue = await kit.queue();
    await queue.pause();
    await queue.upsertJobScheduler('s', { every: HOUR }, { name: 'tick' });
    await queue.upsertJobScheduler('s', { every: 2 * HOUR, startDate: Date.now() + 60_000 }, { name: 'tick' });
    return (await kit.redis.keys(kit.key('q', 'repeat:s:*'))).length;
  },
  { theirs: (jobs) => assert.equal(jobs, 2), mine: (jobs) => assert.equal(jobs, 1) },
);

mended(
  'removeOrphanedJobs leaves the metrics alone',
  async (kit) => {
    const queue = await kit.queue();
    await kit.redis.hset(kit.key('q', 'metrics:failed'), 'count', '1');
    await kit.redis.hset(kit.key('q', 'orphan'), 'name', 'orphan');
    const removed = await queue.removeOrphanedJobs();
    return { removed, metrics: await kit.redis.exists(kit.key('q', 'metrics:failed')) };
  },
  { theirs: (left) => assert.deepEqual(left, { removed: 2, metrics: 0 }), mine: (left) => assert.deepEqual(left, { removed: 1, metrics: 1 }) },
);

mended(
  'clean compares instants as numbers',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('ancient', {}, { timestamp: 9, jobId: 'ancient' });
    return queue.clean(0, 10, 'wait');
  },
  { theirs: (cleaned) => assert.deepEqual(cleaned, []), mine: (cleaned) => assert.deepEqual(cleaned, ['ancient']) },
);

mended(
  'a rate limit without its duration takes no job hostage',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('first', {});
    await kit.redis.hset(kit.key('q', 'meta'), 'max', '1');
    const worker = new kit.stock.Worker('q', undefined, { connection: kit.database.connection, autorun: false });
    worker.on('error', () => {});
    await worker.waitUntilReady();
    const fetched = await worker.getNextJob('token', { block: false }).then((job) => job?.id, (error) => String(error));
    const [active, lock] = [await kit.redis.llen(kit.key('q', 'active')), await kit.redis.exists(kit.key('q', '1:lock'))];
    await worker.close(true);
    return { fetched, stuck: active === 1 && lock === 0 };
  },
  { theirs: ({ stuck }) => assert.equal(stuck, true), mine: ({ fetched, stuck }) => assert.deepEqual({ fetched, stuck }, { fetched: '1', stuck: false }) },
);

mended(
  'removing a job that is its own grandparent ends',
  async (kit) => {
    const queue = await kit.queue();
    for (const [id, child] of [['a', 'b'], ['b', 'a']]) {
      await kit.redis.hset(kit.key('q', id), 'name', id, 'data', '{}', 'opts', '{}', 'parentKey', kit.key('q', child));
      await kit.redis.sadd(kit.key('q', `${id}:dependencies`), kit.key('q', child));
      await kit.redis.lpush(kit.key('q', 'wait'), id);
    }
    const removed = await queue.remove('a').catch((error) => (/stack overflow/.test(error) ? 'stack overflow' : String(error)));
    return { removed, left: await kit.redis.exists(kit.key('q', 'a'), kit.key('q', 'b')) };
  },
  { theirs: ({ removed }) => assert.equal(removed, 'stack overflow'), mine: (answer) => assert.deepEqual(answer, { removed: 1, left: 0 }) },
);

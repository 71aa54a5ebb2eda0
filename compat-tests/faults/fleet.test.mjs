// Fleets in which workers die: no job is lost, none ends twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertEachCompletedOnce, NodeWorker, startWorker } from '../lib/fleet.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const OPTIONS = { lockDuration: 1_000, stalledInterval: 500, maxStalledCount: 1_000 };
const ALL_EVENTS = { streams: { events: { maxLen: 1_000_000 } } };

async function completedCount(kit) {
  return kit.redis.zcard(kit.key('q', 'completed'));
}

test('workers killed in the middle of three thousand jobs', { timeout: 90_000 }, async () => {
  const database = await lab.database();
  const kit = new Kit(stock(6), database);
  const queue = await kit.queue('q', ALL_EVENTS);
  const jobs = await queue.addBulk(Array.from({ length: 3_000 }, (_, n) => ({ name: 'sturdy', data: { n } })));
  const ids = jobs.map(({ id }) => id);
  const start = () => startWorker({ database, queues: ['q'], mode: 'sleep:8', concurrency: 10, options: OPTIONS });
  let fleet = [start(), start(), start()];
  try {
    for (let kills = 1; kills <= 5; kills += 1) {
      await until(`${kills * 400} jobs are completed`, async () => (await completedCount(kit)) >= kills * 400, { deadline: 40_000 });
      await fleet.shift().kill();
      fleet.push(start());
    }
    await until('all are completed', async () => (await completedCount(kit)) === ids.length, { deadline: 40_000 });
  } finally {
    await Promise.all(fleet.map((worker) => worker.stop()));
  }
  const started = await assertEachCompletedOnce(kit, 'q', ids);
  const stalled = (await kit.events('q', 'stalled')).length;
  const restarts = [...started.values()].reduce((sum, times) => sum + times - 1, 0);
  assert.equal(restarts, stalled, 'a job is started again only when it was found stalled');
  assert.ok(stalled > 0, 'the kills hit running jobs');
  await kit.close();
});

test('Node and Rust workers of three kinds share a queue, and one of each is killed', { timeout: 90_000 }, async () => {
  const database = await lab.database();
  const kits = [new Kit(stock(5), database), new Kit(stock(6), database)];
  const apps = [await kits[0].queue('q', ALL_EVENTS), await kits[1].queue('q', ALL_EVENTS)];
  const ids = [];
  for (let n = 0; n < 600; n += 1) {
    const opts = { attempts: 5, ...[{}, { priority: 1 + (n % 3) }, { delay: 100 + n }, { backoff: 40 }, { lifo: true }][n % 5] };
    ids.push((await apps[n % 2].add('mixed', { n }, opts)).id);
  }
  for (let n = 0; n < 20; n += 1) {
    const children = Array.from({ length: 3 }, (_, m) => ({ name: 'child', queueName: 'q', opts: { jobId: `f${n}-c${m}`, attempts: 5 } }));
    await kits[n % 2].flow.add({ name: 'parent', queueName: 'q', opts: { jobId: `f${n}`, attempts: 5 }, children });
    ids.push(`f${n}`, ...children.map(({ opts: { jobId } }) => jobId));
  }
  const work = { database, queues: ['q'], mode: 'fail:1', concurrency: 5, options: OPTIONS };
  const fleet = [startWorker(work), startWorker(work), new NodeWorker({ ...work, version: 5 }), new NodeWorker({ ...work, version: 6 })];
  try {
    await until('some are completed', async () => (await completedCount(kits[1])) >= 100, { deadline: 40_000 });
    await Promise.all([fleet.shift().kill(), fleet.pop().kill()]);
    await until('all are completed', async () => (await completedCount(kits[1])) === ids.length, { deadline: 40_000 });
  } finally {
    await Promise.all(fleet.map((worker) => worker.stop()));
  }
  await assertEachCompletedOnce(kits[1], 'q', ids);
  for (const id of ids) assert.equal(await kits[1].redis.hget(`bull:q:${id}`, 'atm'), '2', `${id} was attempted twice`);
  await Promise.all(kits.map((kit) => kit.close()));
});

// Redis dies and comes back, with what it had promised to keep.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { assertEachCompletedOnce, startWorker } from '../lib/fleet.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const OUTAGE_MS = 1_500;
const lab = await Lab.start({ appendOnly: true });

test('Redis killed in the middle of work, and started again', { timeout: 90_000 }, async () => {
  const database = await lab.database();
  const kit = new Kit(stock(6), database);
  const queue = await kit.queue('q', { streams: { events: { maxLen: 1_000_000 } } });
  const jobs = await queue.addBulk(Array.from({ length: 1_500 }, (_, n) => ({ name: 'sturdy', data: { n } })));
  const ids = jobs.map(({ id }) => id);
  const options = { lockDuration: 10_000, stalledInterval: 1_000, maxStalledCount: 1_000 };
  const workers = [1, 2].map(() => startWorker({ database, queues: ['q'], mode: 'sleep:15', concurrency: 10, options }));
  try {
    await until('a third is completed', async () => (await kit.redis.zcard(kit.key('q', 'completed'))) >= 500, { deadline: 40_000 });
    await lab.server.kill();
    await pause(OUTAGE_MS); // the outage itself, not a wait for a state
    await lab.server.restart();
    await until('all are completed', async () => (await kit.redis.zcard(kit.key('q', 'completed'))) === ids.length, { deadline: 60_000 });
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
  const started = await assertEachCompletedOnce(kit, 'q', ids);
  const again = [...started.values()].filter((times) => times > 1).length;
  // A fetch whose answer was lost leaves its jobs locked and unknown to the worker: those, and no others, start again.
  assert.ok(again <= 20, `${again} jobs were started twice, but only 20 can have been in a lost answer`);
  await kit.close();
});

test('jobs that run through an outage shorter than their lock run once', { timeout: 60_000 }, async () => {
  const database = await lab.database();
  const kit = new Kit(stock(6), database);
  const queue = await kit.queue();
  for (let n = 0; n < 4; n += 1) await queue.add('through', { n });
  const worker = startWorker({ database, queues: ['q'], mode: 'sleep:1000', concurrency: 4, options: { lockDuration: 20_000, stalledInterval: 500 } });
  try {
    await kit.emitted('q', 'active', 4);
    await lab.server.kill();
    await pause(OUTAGE_MS); // long enough for all four to end while Redis is away
    await lab.server.restart();
    await until('all are completed', async () => (await kit.redis.zcard(kit.key('q', 'completed'))) === 4);
  } finally {
    await worker.stop();
  }
  const started = await assertEachCompletedOnce(kit, 'q', ['1', '2', '3', '4']);
  assert.deepEqual([...started.values()], [1, 1, 1, 1], 'none ran twice');
  await kit.close();
});

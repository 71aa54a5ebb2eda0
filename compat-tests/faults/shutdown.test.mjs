// Signals in the middle of work.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { startWorker } from '../lib/fleet.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const skip = againstStock && 'stock does not hand jobs back';

/** A test with some jobs and a worker on them; whatever comes, both sides are closed. */
function interrupted(name, jobs, work, body) {
  test(name, { timeout: 60_000, skip }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(6), database);
    const queue = await kit.queue();
    for (const [n, opts] of jobs.entries()) await queue.add('interrupted', { n }, opts);
    const worker = startWorker({ database, queues: ['q'], ...work });
    try {
      await body({ database, kit, worker });
    } finally {
      await worker.kill();
      await kit.close();
    }
  });
}

interrupted('SIGTERM hands unfinished jobs back to the front, for nothing', [{}, {}, { priority: 5 }, {}, {}], { mode: 'sleep:600000', concurrency: 3, flags: { drain: '100ms' } }, async ({ database, kit, worker }) => {
  await until('three jobs are active', async () => (await kit.redis.llen(kit.key('q', 'active'))) === 3);
  const taken = await kit.redis.lrange(kit.key('q', 'active'), 0, -1);
  assert.deepEqual(await worker.stop('SIGTERM', 20_000), { code: 0, signal: null }, worker.tail());

  const wait = await kit.redis.lrange(kit.key('q', 'wait'), 0, -1);
  assert.deepEqual([...wait].sort(), ['1', '2', '4', '5'], 'all four without a priority wait');
  assert.deepEqual(wait.slice(-taken.length).sort(), [...taken].sort(), 'those that were taken are next');
  assert.deepEqual(await kit.redis.zrange(kit.key('q', 'prioritized'), 0, -1), ['3']);
  for (const id of taken) {
    assert.deepEqual(await kit.redis.hmget(kit.key('q', id), 'atm', 'stc', 'failedReason', 'finishedOn'), [null, null, null, null], `job ${id} spent nothing`);
  }
  for (const left of ['active', 'stalled', '1:lock', '2:lock', '4:lock']) assert.equal(await kit.redis.exists(kit.key('q', left)), 0, `${left} is gone`);
  const handedBack = (await kit.events('q', 'waiting')).filter(({ prev }) => prev === 'active');
  assert.equal(handedBack.length, 3, 'each hand-back is told as an event');

  const next = startWorker({ database, queues: ['q'], mode: 'noop', concurrency: 1 });
  await kit.emitted('q', 'completed', 5);
  await next.stop();
  assert.deepEqual(await kit.redis.hmget(kit.key('q', taken[0]), 'atm', 'ats'), ['1', '2']);
});

interrupted('SIGTERM lets a job end that ends within the drain time', [{}, {}, {}], { mode: 'sleep:700', concurrency: 2, flags: { drain: '10s' } }, async ({ kit, worker }) => {
  await kit.emitted('q', 'active', 2);
  assert.deepEqual(await worker.stop('SIGTERM', 20_000), { code: 0, signal: null }, worker.tail());
  assert.equal((await kit.events('q', 'completed')).length, 2, 'both active jobs are completed');
  assert.equal((await kit.events('q', 'active')).length, 2, 'no third job was started');
  assert.deepEqual(await kit.redis.lrange(kit.key('q', 'wait'), 0, -1), ['3']);
});

interrupted('a second signal ends the drain at once, and still hands back', [{}], { mode: 'sleep:600000', concurrency: 1, flags: { drain: '10m' } }, async ({ kit, worker }) => {
  await kit.emitted('q', 'active');
  const asked = Date.now();
  worker.signal('SIGTERM');
  await worker.logged('that it stops', (entry) => /drain|stop|shut/i.test(JSON.stringify(entry)));
  const { signal } = await worker.stop('SIGTERM', 20_000);
  assert.equal(signal, null, 'it ended by itself');
  assert.ok(Date.now() - asked < 10_000, 'it did not wait for the drain');
  assert.deepEqual(await kit.redis.lrange(kit.key('q', 'wait'), 0, -1), ['1']);
  assert.equal(await kit.redis.exists(kit.key('q', '1:lock')), 0);
});

interrupted('an idle worker ends promptly', [{}], { mode: 'noop', concurrency: 5 }, async ({ kit, worker }) => {
  await kit.emitted('q', 'completed');
  const asked = Date.now();
  assert.deepEqual(await worker.stop('SIGINT', 10_000), { code: 0, signal: null }, worker.tail());
  assert.ok(Date.now() - asked < 2_000, `it took ${Date.now() - asked} ms`);
});

interrupted('--burst ends when everything is done', [{}, { priority: 2 }, {}], { mode: 'noop', concurrency: 2, flags: { burst: true } }, async ({ kit, worker }) => {
  const how = await until('it ends by itself', () => worker.how, { explain: () => worker.tail() });
  assert.deepEqual({ code: how.code, signal: how.signal }, { code: 0, signal: null }, worker.tail());
  assert.equal((await kit.events('q', 'completed')).length, 3);
});

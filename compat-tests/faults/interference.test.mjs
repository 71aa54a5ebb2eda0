// Others meddle while jobs run: connections killed, scripts flushed, locks stolen, the queue wiped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { assertEachCompletedOnce, startWorker } from '../lib/fleet.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const skip = againstStock && 'about what bullrs does';

/** A test with a worker on queue `q`; whatever comes, both sides are closed. */
function meddle(name, work, body, options = {}) {
  test(name, { timeout: 60_000, ...options }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(6), database);
    const queue = await kit.queue('q', { streams: { events: { maxLen: 1_000_000 } } });
    const worker = startWorker({ database, queues: ['q'], ...work });
    try {
      await body({ kit, queue, worker });
    } finally {
      await worker.stop();
      await kit.close();
    }
  });
}

meddle(
  'its connections are killed again and again',
  { mode: 'sleep:5', concurrency: 10 },
  async ({ kit, queue }) => {
    const ids = (await queue.addBulk(Array.from({ length: 800 }, (_, n) => ({ name: 'sturdy', data: { n } })))).map(({ id }) => id);
    for (let done = 100; done <= 600; done += 100) {
      await until(`${done} are completed`, async () => (await kit.redis.zcard(kit.key('q', 'completed'))) >= done);
      await kit.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
    await until('all are completed', async () => (await kit.redis.zcard(kit.key('q', 'completed'))) === 800, { deadline: 45_000 });
    await assertEachCompletedOnce(kit, 'q', ids);
  },
  { skip },
);

meddle('the scripts are flushed', { mode: 'noop', concurrency: 5 }, async ({ kit, queue }) => {
  const ids = [];
  for (let round = 0; round < 5; round += 1) {
    ids.push(...(await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'flushed', data: { n } })))).map(({ id }) => id));
    await kit.redis.script('FLUSH');
    await until('the round is completed', async () => (await kit.redis.zcard(kit.key('q', 'completed'))) === ids.length);
  }
  await assertEachCompletedOnce(kit, 'q', ids);
});

meddle(
  'a lock that was taken over: the outcome is not written',
  { mode: 'sleep:1500', concurrency: 1, options: { lockDuration: 1_000, stalledInterval: 600_000 } },
  async ({ kit, queue, worker }) => {
    await queue.add('stolen', {});
    await kit.emitted('q', 'active');
    await kit.redis.set(kit.key('q', '1:lock'), 'another-worker', 'PX', 600_000);
    await worker.logged('that the lock is lost', (entry) => /lock/.test(JSON.stringify(entry)));
    await queue.add('next', {}, { jobId: 'next' });
    await kit.emitted('q', 'completed');
    assert.deepEqual((await kit.events('q', 'completed')).map(({ jobId }) => jobId), ['next']);
    assert.deepEqual(await kit.redis.lrange(kit.key('q', 'active'), 0, -1), ['1'], 'it is the other worker that holds it');
    assert.equal(await kit.redis.get(kit.key('q', '1:lock')), 'another-worker');
    assert.deepEqual(await kit.redis.hmget(kit.key('q', '1'), 'atm', 'finishedOn', 'failedReason'), [null, null, null]);
  },
  { skip },
);

meddle('the queue is wiped under a running job', { mode: 'sleep:600', concurrency: 2 }, async ({ kit, queue }) => {
  await queue.add('wiped', {});
  await kit.emitted('q', 'active');
  await queue.obliterate({ force: true });
  await queue.add('after', {}, { jobId: 'after' });
  await until('the next job is completed', async () => (await kit.redis.zscore(kit.key('q', 'completed'), 'after')) !== null);
  assert.equal(await kit.redis.exists(kit.key('q', '1')), 0, 'nothing of the wiped job came back');
  assert.equal(await kit.redis.exists(kit.key('q', 'active')), 0);
});

meddle(
  'a quiet worker takes nothing until it is told to go on',
  { mode: 'noop', concurrency: 1 },
  async ({ kit, queue, worker }) => {
    await queue.add('before', {});
    await kit.emitted('q', 'completed');
    worker.signal('SIGTSTP');
    await worker.logged('that it is quiet', (entry) => /quiet/.test(entry.message));
    await queue.add('held', {}, { jobId: 'held' });
    worker.signal('SIGCONT');
    await worker.logged('that it goes on', (entry) => /fetching again/.test(entry.message));
    await kit.emitted('q', 'completed', 2);
    const held = (await kit.events('q')).filter(({ jobId }) => jobId === 'held').map(({ event }) => event);
    assert.deepEqual(held, ['added', 'waiting', 'active', 'completed']);
  },
  { skip },
);

meddle('a short event stream stays short', { mode: 'noop', concurrency: 10 }, async ({ kit }) => {
  await kit.redis.hset(kit.key('q', 'meta'), 'opts.maxLenEvents', '50');
  const queue = new kit.stock.Queue('q', { connection: kit.database.connection, skipMetasUpdate: true });
  await queue.addBulk(Array.from({ length: 2_000 }, (_, n) => ({ name: 'trimmed', data: { n } })));
  await until('all are completed', async () => (await kit.redis.zcard(kit.key('q', 'completed'))) === 2_000);
  const length = await kit.redis.xlen(kit.key('q', 'events'));
  assert.ok(length < 300, `the stream is trimmed to about 50, not ${length}`);
  await queue.close();
});

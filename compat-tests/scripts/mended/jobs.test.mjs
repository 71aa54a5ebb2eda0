// Jobs, lists and counts that stock loses or gets wrong.
import { HOUR, mended, outcome } from './pin.mjs';

mended(
  'removeOrphanedJobs leaves the metrics and a kept job alone',
  async (kit) => {
    const queue = await kit.queue();
    await kit.redis.hset(kit.key('q', 'metrics:failed'), 'count', '1');
    await kit.redis.hset(kit.key('q', 'dn:failed'), 'name', 'kept');
    await kit.redis.hset(kit.key('q', 'orphan'), 'name', 'orphan');
    const removed = await queue.removeOrphanedJobs();
    return { removed, metrics: await kit.redis.exists(kit.key('q', 'metrics:failed')), kept: await kit.redis.exists(kit.key('q', 'dn:failed')) };
  },
  { theirs: { removed: 3, metrics: 0, kept: 0 }, ours: { removed: 1, metrics: 1, kept: 1 } },
);

mended(
  'clean compares instants as numbers',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('ancient', {}, { timestamp: 9, jobId: 'ancient' });
    return queue.clean(0, 10, 'wait');
  },
  { theirs: [], ours: ['ancient'] },
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
    const removed = await outcome(() => queue.remove('a'));
    return { removed, left: await kit.redis.exists(kit.key('q', 'a'), kit.key('q', 'b')) };
  },
  { theirs: { removed: 'stack overflow', left: 2 }, ours: { removed: 1, left: 0 } },
);

mended(
  'obliterate with a count of 0 ends',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('job', {});
    return kit.isEndless(queue.backend, 'obliterate', () => queue.obliterate({ count: 0 }));
  },
  { theirs: true, ours: false },
);

mended(
  'retryJobs with a count of 0 ends',
  async (kit) => {
    const queue = await kit.queue();
    const worker = await kit.worker();
    await queue.add('job', {});
    const job = await worker.getNextJob('token', { block: false });
    await job.moveToFailed(new Error('bad'), 'token', false);
    return kit.isEndless(queue.backend, 'retryFinishedJobs', () => queue.retryJobs({ count: 0 }));
  },
  { theirs: true, ours: false },
);

/** A queue that 5.x paused, with its ids in `paused`. */
async function pausedBy5(kit, ids) {
  const queue = await kit.queue();
  await queue.pause();
  for (const id of ids) await queue.add('job', {}, { jobId: id });
  await kit.redis.hset(kit.key('q', 'meta'), 'version', 'bullmq:5.81.5');
  if (await kit.redis.exists(kit.key('q', 'wait'))) await kit.redis.rename(kit.key('q', 'wait'), kit.key('q', 'paused'));
  return queue;
}

mended(
  'changePriority moves an id that 5.x left in `paused`',
  async (kit) => {
    const queue = await pausedBy5(kit, ['a']);
    await (await queue.getJob('a')).changePriority({ priority: 3 });
    return kit.place('q', 'a');
  },
  { theirs: 'paused', ours: 'prioritized' },
);

mended(
  'getCountsPerPriority counts ids that 5.x left in `paused`',
  async (kit) => (await pausedBy5(kit, ['a', 'b'])).getCountsPerPriority([0]),
  { theirs: { 0: 0 }, ours: { 0: 2 } },
);

mended(
  'a queue that 5.x paused is not drained while ids stand in `paused`',
  async (kit) => {
    const queue = await kit.queue();
    const worker = await kit.worker();
    await queue.add('runs', {});
    const job = await worker.getNextJob('token', { block: false });
    await kit.redis.hset(kit.key('q', 'meta'), 'paused', '1', 'version', 'bullmq:5.81.5');
    await kit.redis.lpush(kit.key('q', 'paused'), 'stays');
    await job.moveToCompleted(null, 'token', false);
    return (await kit.events('q', 'drained')).length;
  },
  { theirs: 1, ours: 0 },
);

mended(
  'a job that failed for another reason does not count against a rate limit, as in 6.x',
  async (kit) => {
    const queue = await kit.queue();
    await queue.setGlobalRateLimit(1, HOUR);
    await queue.add('doomed', {}, { jobId: 'doomed' });
    await kit.redis.hset(kit.key('q', 'doomed'), 'defa', 'child bull:c:1 failed');
    await kit.take(await kit.worker());
    return kit.redis.get(kit.key('q', 'limiter'));
  },
  { theirs: '1', ours: null, version: 5 },
);

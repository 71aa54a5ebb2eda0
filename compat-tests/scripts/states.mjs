// The states that a job `x` of queue `q` can be in. Each puts it there and resolves to the job, held with `TOKEN` where
// a worker holds it.

export const NOW = 1_790_000_000_000;
export const TOKEN = 'token';

/** An error whose stack is the same wherever it comes from. */
export function failure(message, name = 'Error') {
  return Object.assign(new Error(message), { name, stack: `${name}: ${message}\n    at a fixed place` });
}

const add = (options = {}) => (side) => side.queues.q.add('job', { a: 1 }, { jobId: 'x', ...options });

const take = (side, token = TOKEN) => side.workers.q.getNextJob(token, { block: false });

const running = (options) => async (side) => {
  await add(options)(side);
  return take(side);
};

const childOf = (id, options = {}) => ({ parent: { id, queue: 'bull:q' }, ...options });

async function runningParent(side, childOptions = {}) {
  const job = await running()(side);
  await side.queues.q.add('child', {}, { jobId: 'c1', ...childOf('x', childOptions) });
  return job;
}

/** Two checks: the first notes who is active, the second finds them without a lock. */
async function stall(side) {
  await side.redis.del('bull:q:x:lock');
  for (let check = 0; check < 2; check += 1) {
    await side.redis.del('bull:q:stalled-check');
    await side.workers.q.backend.moveStalledJobsToWait();
  }
}

export const STATES = {
  waiting: add({ attempts: 2, backoff: 100 }),
  prioritized: add({ priority: 5 }),
  delayed: add({ delay: 5_000 }),
  'delayed, prioritized': add({ delay: 5_000, priority: 3 }),
  'active, to be retried': running({ attempts: 3, backoff: 0 }),
  'active, to be retried later': running({ attempts: 3, backoff: 700, priority: 7 }),
  'active for the last time': running({ keepLogs: 2, stackTraceLimit: 1, removeOnFail: 3 }),
  'active, removed when done': running({ removeOnComplete: true, removeOnFail: true }),
  'active without a lock': async (side) => {
    const job = await running()(side);
    await side.redis.del('bull:q:x:lock');
    return job;
  },
  'active without its hash': async (side) => {
    const job = await running()(side);
    await side.redis.del('bull:q:x:lock', 'bull:q:x');
    return job;
  },
  'active, with a job kept for after it': async (side) => {
    const deduplication = { id: 'd', keepLastIfActive: true };
    const job = await running({ deduplication })(side);
    await side.queues.q.add('job', { a: 2 }, { jobId: 'y', delay: 10, deduplication });
    return job;
  },
  completed: async (side) => {
    const job = await running()(side);
    await job.moveToCompleted({ r: 1 }, TOKEN, false);
    return job;
  },
  failed: async (side) => {
    const job = await running()(side);
    await job.moveToFailed(failure('bad'), TOKEN, false);
    return job;
  },
  'waiting for its children': async (side) => {
    const children = [
      { name: 'child', queueName: 'q', opts: { jobId: 'c1' } },
      { name: 'child', queueName: 'p', opts: { jobId: 'c2', failParentOnFailure: true } },
    ];
    return (await side.flow.add({ name: 'parent', queueName: 'q', opts: { jobId: 'x' }, children })).job;
  },
  'active, with a child': (side) => runningParent(side),
  'active, with a child that has failed': async (side) => {
    const job = await runningParent(side, { failParentOnFailure: true });
    const child = await take(side, 'other');
    await child.moveToFailed(failure('bad'), 'other', false);
    return job;
  },
  'active, a child': async (side) => {
    const children = [{ name: 'child', queueName: 'q', opts: { jobId: 'x', ignoreDependencyOnFailure: true } }];
    await side.flow.add({ name: 'parent', queueName: 'q', opts: { jobId: 'parent', priority: 4 }, children });
    return take(side);
  },
  'active, a child whose parent is gone': async (side) => {
    const children = [{ name: 'child', queueName: 'q', opts: { jobId: 'x' } }];
    await side.flow.add({ name: 'parent', queueName: 'p', opts: { jobId: 'parent' }, children });
    await side.redis.del('bull:p:parent');
    return take(side);
  },
  'armed by a scheduler': (side) => side.queues.q.upsertJobScheduler('s', { every: 5_000, startDate: NOW + 1_000 }, { name: 'tick', opts: { priority: 2 } }),
  'active, of a scheduler': async (side) => {
    await side.queues.q.upsertJobScheduler('s', { every: 5_000 }, { name: 'tick' });
    return take(side);
  },
  stalled: async (side) => {
    const job = await running()(side);
    await stall(side);
    return job;
  },
  removed: async (side) => {
    const job = await add()(side);
    await job.remove();
    return job;
  },
};

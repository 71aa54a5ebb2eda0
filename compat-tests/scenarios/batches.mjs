// Many jobs of every kind at once, so that outcomes and claims of all kinds share a call. Stock runs them with the
// same concurrency; what each job went through, and all that is left, must be the same.

/** Those under which a parent waits for its other children, so that it runs once, after them. */
const POLICIES = ['ignoreDependencyOnFailure', 'removeDependencyOnFailure'];

/** The options of the n-th job of a pile; none of them depends on which job ends first. */
function kind(n) {
  return [
    {},
    { attempts: 2 },
    { attempts: 2, backoff: { type: 'fixed', delay: 30 } },
    { attempts: 2, priority: 1 + (n % 5) },
    { attempts: 2, priority: 2, backoff: 30 },
    { removeOnFail: true },
    { attempts: 2, removeOnComplete: true },
    { attempts: 2, lifo: true },
    { attempts: 2, deduplication: { id: `d-${n}` } },
    { attempts: 2, deduplication: { id: `t-${n}`, ttl: 600_000 }, stackTraceLimit: 0 },
  ][n % 10];
}

/** A parent with one child that fails under a policy and two that complete at their second attempt. */
function family(n, policy, queueName) {
  const child = (name, opts) => ({ name, queueName, opts: { jobId: `f${n}-${name}`, ...opts } });
  return {
    name: 'parent',
    queueName,
    opts: { jobId: `f${n}`, attempts: 2, ...(n % 3 === 0 ? { priority: 3 } : {}) },
    children: [child('bad', { [policy]: true, removeOnFail: n % 2 === 0 }), child('good', { attempts: 2 }), child('fine', { attempts: 2, removeOnComplete: true })],
  };
}

export const scenarios = [
  {
    name: 'a pile of everything, in one queue',
    mode: 'fail:1',
    concurrency: 20,
    anyOrder: true,
    options: { metrics: true },
    offsets: [30],
    durations: [600_000],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.addBulk(Array.from({ length: 300 }, (_, n) => ({ name: 'pile', data: { n }, opts: kind(n) })));
    },
    ends: { completed: 240, failed: 60 },
  },
  {
    name: 'families with a bad child, in one queue',
    mode: 'fail:1',
    concurrency: 20,
    anyOrder: true,
    async prepare(kit) {
      await kit.flow.addBulk(Array.from({ length: 24 }, (_, n) => family(n, POLICIES[n % 2], 'q')));
    },
    ends: { completed: 72, failed: 24 },
  },
  {
    name: 'a pile and families, in four queues',
    queues: ['a', 'b', 'c', 'd'],
    mode: 'fail:1',
    concurrency: 8,
    anyOrder: true,
    offsets: [30],
    durations: [600_000],
    async prepare(kit) {
      for (const name of ['a', 'b', 'c', 'd']) {
        const queue = await kit.queue(name);
        await queue.addBulk(Array.from({ length: 60 }, (_, n) => ({ name: 'pile', data: { n }, opts: kind(n) })));
      }
      await kit.flow.addBulk(Array.from({ length: 12 }, (_, n) => family(n, POLICIES[n % 2], 'abcd'[n % 4])));
    },
    ends: { completed: 4 * 48 + 36, failed: 4 * 12 + 12 },
  },
];

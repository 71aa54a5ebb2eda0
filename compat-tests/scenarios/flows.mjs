// Trees of jobs made by the app, with each policy for a child that fails.

const child = (jobId, opts = {}, queueName = 'children') => ({ name: 'child', queueName, data: { jobId }, opts: { jobId, ...opts } });
const parent = (children, opts = {}, queueName = 'parents') => ({ name: 'parent', queueName, data: {}, opts: { jobId: 'parent', ...opts }, children });

/** A parent of one child that fails for good under `policy` and one that completes at its second attempt. */
function policy(name, opts, ends) {
  return {
    name: `a child that fails, ${name}`,
    queues: ['parents', 'children'],
    mode: 'fail:1',
    async prepare(kit) {
      await kit.flow.add(parent([child('bad', opts), child('good', { attempts: 2 })], { attempts: 2 }));
    },
    ends,
  };
}

export const scenarios = [
  {
    name: 'children in another queue',
    queues: ['parents', 'children'],
    mode: 'echo',
    async prepare(kit) {
      await kit.flow.add(parent([child('a'), child('b'), child('c', { priority: 2 })]));
    },
    ends: { completed: 4 },
  },
  {
    name: 'children in the same queue',
    mode: 'echo',
    async prepare(kit) {
      await kit.flow.add(parent([child('a', {}, 'q'), child('b', {}, 'q')], {}, 'q'));
    },
    ends: { completed: 3 },
  },
  {
    name: 'three generations with removal on the way',
    queues: ['parents', 'children', 'grandchildren'],
    anyOrder: true, // the queues race: `middle` is released before or after `side` has run
    async prepare(kit) {
      const middle = { ...child('middle', { removeOnComplete: true }), children: [child('leaf-1', {}, 'grandchildren'), child('leaf-2', { removeOnComplete: true }, 'grandchildren')] };
      await kit.flow.add(parent([middle, child('side')]));
    },
    ends: { completed: 5 },
  },
  {
    name: 'parents with a delay and with a priority',
    queues: ['parents', 'children'],
    offsets: [150],
    anyOrder: true,
    drained: false,
    async prepare(kit) {
      await kit.flow.add({ ...parent([child('a')], { jobId: 'p-delayed', delay: 150 }) });
      await kit.flow.add({ ...parent([child('b')], { jobId: 'p-prioritized', priority: 5 }) });
    },
    ends: { completed: 4 },
  },
  {
    name: 'several flows at once',
    queues: ['parents', 'children'],
    concurrency: 5,
    anyOrder: true,
    async prepare(kit) {
      await kit.flow.addBulk(
        Array.from({ length: 10 }, (_, n) => parent(Array.from({ length: 6 }, (_, m) => child(`c-${n}-${m}`)), { jobId: `p-${n}` })),
      );
    },
    ends: { completed: 70 },
  },
  policy('without a policy', {}, { failed: 1, completed: 1 }),
  policy('failParentOnFailure', { failParentOnFailure: true }, { failed: 2, completed: 1 }),
  {
    name: 'a child that fails last, continueParentOnFailure',
    queues: ['parents', 'children'],
    mode: 'fail:1',
    offsets: [600],
    async prepare(kit) {
      await kit.flow.add(parent([child('bad', { delay: 600, continueParentOnFailure: true }), child('good', { attempts: 2 })], { attempts: 2 }));
    },
    ends: { failed: 1, completed: 2 },
  },
  {
    name: 'a parent that goes on and ends before a pending child, continueParentOnFailure',
    queues: ['parents', 'children'],
    mode: 'fail:1',
    offsets: [3_600_000],
    async prepare(kit) {
      await kit.flow.add(parent([child('bad', { continueParentOnFailure: true }), child('late', { delay: 3_600_000 })], { attempts: 2 }));
    },
    ends: { failed: 2 },
  },
  policy('ignoreDependencyOnFailure', { ignoreDependencyOnFailure: true }, { failed: 1, completed: 2 }),
  policy('removeDependencyOnFailure', { removeDependencyOnFailure: true }, { failed: 1, completed: 2 }),
  policy('failParentOnFailure, removed at once', { failParentOnFailure: true, removeOnFail: true }, { failed: 2, completed: 1 }),
  policy('ignoreDependencyOnFailure, removed at once', { ignoreDependencyOnFailure: true, removeOnFail: true }, { failed: 1, completed: 2 }),
  {
    name: 'a failure that climbs to the root',
    queues: ['parents', 'children', 'grandchildren'],
    mode: 'fail:1',
    async prepare(kit) {
      const middle = { ...child('middle', { failParentOnFailure: true, attempts: 2 }), children: [child('leaf', { failParentOnFailure: true }, 'grandchildren')] };
      await kit.flow.add(parent([middle], { attempts: 2 }));
    },
    ends: { failed: 3 },
  },
  {
    name: 'a failed child that the app retries',
    queues: ['parents', 'children'],
    mode: 'fail:1',
    async prepare(kit) {
      await kit.flow.add(parent([child('retried')], { attempts: 2 }));
    },
    async during(kit) {
      await kit.emitted('children', 'failed');
      await (await (await kit.queue('children')).getJob('retried')).retry();
    },
    ends: { failed: 1, completed: 2 },
  },
  {
    name: 'children added to a parent that waits',
    queues: ['parents', 'children'],
    async prepare(kit) {
      await kit.flow.add(parent([child('a', { delay: 600 })]));
      const children = await kit.queue('children');
      const of = { parent: { id: 'parent', queue: 'bull:parents' } };
      await children.add('child', {}, { jobId: 'b', ...of });
    },
    offsets: [600],
    ends: { completed: 3 },
  },
];

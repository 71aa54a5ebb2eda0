// Deduplication in each mode: what the app adds, and what a finishing job does about it.

export const scenarios = [
  {
    name: 'simple mode: until the job is finished',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2, 3]) await queue.add('simple', { n }, { deduplication: { id: 'one' } });
    },
    async during(kit) {
      await kit.emitted('q', 'completed');
      await (await kit.queue()).add('simple', { n: 4 }, { deduplication: { id: 'one' } });
    },
    ends: { completed: 2 },
  },
  {
    name: 'simple mode: a job that fails for good',
    mode: 'fail:2',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2]) await queue.add('simple', { n }, { attempts: 2, deduplication: { id: 'one' } });
    },
    ends: { failed: 1 },
  },
  {
    name: 'throttle mode: for a time, whatever happens',
    durations: [60_000],
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2]) await queue.add('throttled', { n }, { deduplication: { id: 'slow', ttl: 60_000 } });
    },
    async during(kit) {
      await kit.emitted('q', 'completed');
      await (await kit.queue()).add('throttled', { n: 3 }, { deduplication: { id: 'slow', ttl: 60_000 } });
    },
    ends: { completed: 1 },
  },
  {
    name: 'debounce mode: the last one counts',
    offsets: [600],
    durations: [60_000],
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2, 3]) {
        await queue.add('debounced', { n }, { delay: 600, deduplication: { id: 'last', ttl: 60_000, extend: true, replace: true } });
      }
    },
    mode: 'echo',
    ends: { completed: 1 },
  },
  {
    name: 'replace without a time',
    offsets: [500],
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2]) await queue.add('replaced', { n }, { delay: 500, deduplication: { id: 'r', replace: true } });
    },
    mode: 'echo',
    ends: { completed: 1 },
  },
  {
    name: 'keep the last one added while one is active',
    mode: 'sleep:800',
    async prepare(kit) {
      await (await kit.queue()).add('kept', { n: 1 }, { deduplication: { id: 'k', keepLastIfActive: true } });
    },
    async during(kit) {
      await kit.emitted('q', 'active');
      const queue = await kit.queue();
      await queue.add('dropped', { n: 2 }, { deduplication: { id: 'k', keepLastIfActive: true } });
      await queue.add('kept', { n: 3 }, { deduplication: { id: 'k', keepLastIfActive: true }, priority: 3, removeOnComplete: 5 });
    },
    ends: { completed: 2 },
  },
  {
    name: 'keep the last one, delayed and with an id of its own',
    mode: 'sleep:800',
    offsets: [100],
    async prepare(kit) {
      await (await kit.queue()).add('kept', { n: 1 }, { deduplication: { id: 'k', keepLastIfActive: true } });
    },
    async during(kit) {
      await kit.emitted('q', 'active');
      const queue = await kit.queue();
      await queue.add('kept', { n: 2 }, { deduplication: { id: 'k', keepLastIfActive: true }, jobId: 'mine', delay: 100 });
    },
    ends: { completed: 2 },
  },
  {
    name: 'keep the last one when the active one fails',
    mode: 'fail:1',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('owner', {}, { jobId: 'owner', deduplication: { id: 'k', keepLastIfActive: true } });
      // Stored as an add during the owner's run stores it, so that the run's length plays no part.
      await kit.redis.hset(kit.key('q', 'dn:k'), { name: 'next', data: '{"next":true}', opts: '{"attempts":2,"de":{"id":"k","keepLastIfActive":true}}', jid: '99' });
    },
    ends: { failed: 1, completed: 1 },
  },
];

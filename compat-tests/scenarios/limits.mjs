// Rate limits, global concurrency, pausing. Under a rate limit stock emits `drained` after the last job or not,
// depending on a fetch that it has under way.

async function add(kit, count, name = 'limited') {
  const queue = await kit.queue();
  for (let n = 1; n <= count; n += 1) await queue.add(name, { n });
}

export const scenarios = [
  {
    name: 'a global rate limit',
    durations: [200],
    drained: false,
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.setGlobalRateLimit(2, 200);
      await add(kit, 5);
    },
    ends: { completed: 5 },
  },
  {
    name: 'a rate limit of the worker',
    options: { limiter: { max: 2, duration: 200 } },
    durations: [200],
    drained: false,
    async prepare(kit) {
      await add(kit, 5);
    },
    ends: { completed: 5 },
  },
  {
    name: 'a rate limit and retries',
    mode: 'fail:1',
    options: { limiter: { max: 1, duration: 150 } },
    drained: false,
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2]) await queue.add('limited', { n }, { attempts: 2 });
    },
    ends: { completed: 2 },
  },
  {
    name: 'a global concurrency of one',
    concurrency: 8,
    async prepare(kit) {
      await (await kit.queue()).setGlobalConcurrency(1);
      await add(kit, 6);
    },
    ends: { completed: 6 },
    anyOrder: true,
  },
  {
    name: 'a queue that is paused and resumed while the worker waits',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('before', {});
      await queue.pause();
      await queue.add('while paused', {});
      await queue.add('while paused, urgent', {}, { priority: 1 });
    },
    async during(kit) {
      const queue = await kit.queue();
      await queue.resume();
    },
    ends: { completed: 3 },
  },
  {
    name: 'a job that runs while its queue is paused',
    mode: 'sleep:800',
    async prepare(kit) {
      await (await kit.queue()).add('runs on', {});
    },
    async during(kit) {
      await kit.emitted('q', 'active');
      const queue = await kit.queue();
      await queue.pause();
      await queue.add('stays', {});
    },
    async over(kit) {
      return (await kit.events('q', 'completed')).length === 1;
    },
  },
  {
    name: 'a delayed job that falls due in a paused queue',
    offsets: [100],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.pause();
      await queue.add('due later', {}, { delay: 100 });
    },
    async during(kit) {
      await kit.emitted('q', 'waiting');
      await (await kit.queue()).resume();
    },
    ends: { completed: 1 },
  },
];

// Attempts that fail, and what comes of them. `fail:N` throws while fewer than N attempts were made.

export const scenarios = [
  {
    name: 'one attempt, and it fails',
    mode: 'fail:1',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('once', { n: 1 });
      await queue.add('explicitly once', { n: 2 }, { attempts: 1 });
    },
    ends: { failed: 2 },
  },
  {
    name: 'a retry at once',
    mode: 'fail:1',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('again', {}, { attempts: 2 });
      await queue.add('again, first', {}, { attempts: 3, lifo: true });
      await queue.add('again, by priority', {}, { attempts: 2, priority: 7 });
    },
    ends: { completed: 3 },
  },
  {
    name: 'retries at once until none is left',
    mode: 'fail:9',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('hopeless', {}, { attempts: 3 });
    },
    ends: { failed: 1 },
  },
  {
    name: 'fixed backoff until no attempt is left',
    mode: 'fail:9',
    offsets: [60],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('hopeless', {}, { attempts: 3, backoff: { type: 'fixed', delay: 60 } });
    },
    ends: { failed: 1 },
  },
  {
    name: 'backoff given as a number, with a priority',
    mode: 'fail:1',
    offsets: [80],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('number', {}, { attempts: 2, backoff: 80, priority: 3 });
    },
    ends: { completed: 1 },
  },
  {
    name: 'exponential backoff until it works',
    mode: 'fail:3',
    offsets: [40, 80, 160],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('stubborn', {}, { attempts: 5, backoff: { type: 'exponential', delay: 40 } });
    },
    ends: { completed: 1 },
  },
  {
    name: 'a backoff of nothing is a retry at once',
    mode: 'fail:1',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('fixed', {}, { attempts: 2, backoff: { type: 'fixed', delay: 0 } });
      await queue.add('exponential', {}, { attempts: 2, backoff: { type: 'exponential', delay: 0 } });
    },
    ends: { completed: 2 },
  },
  {
    name: 'a delayed job that fails first',
    mode: 'fail:1',
    offsets: [100, 50],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('late', {}, { delay: 100, attempts: 2, backoff: 50 });
    },
    ends: { completed: 1 },
  },
  {
    name: 'the stack trace limit',
    mode: 'fail:9',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('one', {}, { attempts: 4, stackTraceLimit: 1 });
      await queue.add('none', {}, { attempts: 2, stackTraceLimit: 0 });
      await queue.add('two', {}, { attempts: 4, stackTraceLimit: 2 });
    },
    ends: { failed: 3 },
  },
  {
    name: 'attempts beyond all counting',
    mode: 'fail:2',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('endless', {}, { attempts: Number.MAX_VALUE });
    },
    ends: { completed: 1 },
  },
  {
    name: 'a failed job retried by the app',
    mode: 'fail:1',
    async prepare(kit) {
      await (await kit.queue()).add('retried', {}, { jobId: 'retried' });
    },
    async during(kit) {
      await kit.emitted('q', 'failed');
      const job = await (await kit.queue()).getJob('retried');
      await job.retry();
    },
    ends: { completed: 1, failed: 1 },
  },
  {
    name: 'all failed jobs retried by the app at once',
    mode: 'fail:1',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2, 3]) await queue.add('bulk', { n });
    },
    async during(kit) {
      await kit.emitted('q', 'failed', 3);
      await (await kit.queue()).retryJobs({ state: 'failed' });
    },
    ends: { completed: 3, failed: 3 },
    // Which jobs the bulk retry finds depends on no clock, but their order does: failed jobs of one millisecond tie.
    anyOrder: true,
  },
];

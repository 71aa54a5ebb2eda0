// Adding in every way, and finishing.

/** Payloads that have broken other ports: JavaScript's numbers, its strings, and the values that are no objects. */
export const ODD_PAYLOADS = [
  {},
  null,
  0,
  '',
  true,
  [],
  [[], [[]], {}],
  'text with "quotes", \\ and / and \u2028 \u0000 \u001f',
  { 'ключ': 'значение', emoji: '👩‍👩‍👧', combined: 'e\u0301' },
  { lone: '\ud800 alone' },
  { big: 1e21, tiny: 1e-7, negative: -0.5, precise: 0.1 + 0.2, edge: Number.MAX_SAFE_INTEGER, past: 2 ** 60 },
  { deep: Array.from({ length: 60 }).reduce((inner) => ({ inner }), 'bottom') },
  { null: null, nested: [null, { a: [] }], '': 'empty key', __proto__x: 1 },
  { contentJobId: 'f7d9', tags: ['a', 'b'], at: new Date(0).toISOString() },
];

export const scenarios = [
  {
    name: 'jobs added one after the other',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2, 3]) await queue.add('plain', { n });
    },
    ends: { completed: 3 },
  },
  {
    name: 'jobs added in bulk to a named worker',
    options: { name: 'worker-one' },
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: `bulk-${n}`, data: { n } })));
    },
    ends: { completed: 20 },
  },
  {
    name: 'jobs added while the worker waits for them',
    async prepare() {},
    async during(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2]) {
        await queue.add('late', { n });
        await kit.emitted('q', 'completed', n);
      }
    },
    ends: { completed: 2 },
  },
  {
    name: 'odd payloads come back as they went in',
    mode: 'echo',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const data of ODD_PAYLOADS) await queue.add('odd', data);
      await queue.add('none');
    },
    ends: { completed: ODD_PAYLOADS.length + 1 },
  },
  {
    name: 'a payload of a megabyte',
    mode: 'echo',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('big', { text: 'ü–x'.repeat(200_000), list: Array.from({ length: 20_000 }, (_, n) => n) });
    },
    ends: { completed: 1 },
  },
  {
    name: 'delayed jobs, one of them for later',
    offsets: [100, 250, 3_600_000],
    anyOrder: true,
    drained: false,
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('second', {}, { delay: 250 });
      await queue.add('first', {}, { delay: 100 });
      await queue.add('later', {}, { delay: 3_600_000 });
    },
    ends: { completed: 2 },
  },
  {
    name: 'a delay with a fraction',
    offsets: [80, 80.5],
    async prepare(kit) {
      await (await kit.queue()).add('fraction', {}, { delay: 80.5 });
    },
    ends: { completed: 1 },
  },
  {
    name: 'a delayed job that is due already, and one with a priority',
    async prepare(kit) {
      const queue = await kit.queue();
      const timestamp = 1_700_000_000_000;
      await queue.add('overdue', {}, { delay: 1_000, timestamp });
      await queue.add('overdue and urgent', {}, { delay: 2_000, timestamp, priority: 4 });
    },
    ends: { completed: 2 },
  },
  {
    name: 'priorities, first in first out within each',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const priority of [3, 1, 0, 3, 2_097_151, 1]) await queue.add('prioritized', { priority }, { priority });
    },
    ends: { completed: 6 },
  },
  {
    name: 'last in, first out',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('fifo', {});
      await queue.add('lifo', {}, { lifo: true });
      await queue.add('lifo again', {}, { lifo: true });
    },
    ends: { completed: 3 },
  },
  {
    name: 'custom ids, one of them taken',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('mine', { first: true }, { jobId: 'my-id' });
      await queue.add('mine', { first: false }, { jobId: 'my-id' });
      await queue.add('shaped', {}, { jobId: 'shape:of:three' });
    },
    ends: { completed: 2 },
  },
  {
    name: 'another prefix, with a colon and a hash tag',
    options: { prefix: '{app}:jobs' },
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('prefixed', {});
    },
    ends: { completed: 1 },
  },
  {
    name: 'a job changed by the app before it runs',
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.pause();
      const job = await queue.add('changed', { version: 1 }, { priority: 9 });
      await job.updateData({ version: 2 });
      await job.changePriority({ priority: 2 });
      await job.updateProgress({ percent: 5 });
      await job.log('first row');
      const later = await queue.add('sooner', {}, { delay: 900_000 });
      await later.changeDelay(120);
      await (await queue.add('promoted', {}, { delay: 900_000 })).promote();
      await queue.resume();
    },
    offsets: [120, 900_000],
    mode: 'echo',
    // On a busy machine the delayed job is due before the worker has begun.
    anyOrder: true,
    drained: false,
    ends: { completed: 3 },
  },
  {
    name: 'many jobs at once',
    concurrency: 25,
    anyOrder: true,
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.addBulk(Array.from({ length: 400 }, (_, n) => ({ name: 'many', data: { n }, opts: n % 7 === 0 ? { priority: 1 + (n % 3) } : {} })));
    },
    ends: { completed: 400 },
  },
];

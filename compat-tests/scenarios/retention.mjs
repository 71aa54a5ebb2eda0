// What is kept of finished jobs, in every form of `removeOnComplete` and `removeOnFail`, and the metrics.

const FORMS = [
  ['true', true],
  ['false', false],
  ['0', 0],
  ['2', 2],
  ['-1', -1],
  ['{ count: 2 }', { count: 2 }],
  ['{ count: 0 }', { count: 0 }],
  ['{ count: -1 }', { count: -1 }],
  ['{ age: 3600 }', { age: 3600 }],
  ['{ age: 3600, count: 3 }', { age: 3600, count: 3 }],
  ['{ age: 3600, limit: 1 }', { age: 3600, limit: 1 }],
];

function forms(option, mode, ends) {
  return FORMS.map(([name, value]) => ({
    name: `${option}: ${name}`,
    mode,
    ends,
    async prepare(kit) {
      const queue = await kit.queue();
      for (const n of [1, 2, 3, 4]) await queue.add('kept or not', { n }, { [option]: value });
    },
  }));
}

export const scenarios = [
  ...forms('removeOnComplete', 'noop', { completed: 4 }),
  ...forms('removeOnFail', 'fail:9', { failed: 4 }),
  {
    name: 'jobs too old are removed when the next one finishes',
    async prepare(kit) {
      const queue = await kit.queue();
      const old = Date.now() - 100_000;
      for (const id of ['old-1', 'old-2', 'old-3']) {
        await kit.redis.hset(kit.key('q', id), 'name', 'old', 'data', '{}', 'opts', '{}', 'timestamp', '1', 'finishedOn', '1');
        await kit.redis.rpush(kit.key('q', `${id}:logs`), 'row');
        await kit.redis.zadd(kit.key('q', 'completed'), old, id);
      }
      await queue.add('evicts two', {}, { removeOnComplete: { age: 60, limit: 2 } });
      await queue.add('evicts the third', {}, { removeOnComplete: { age: 60 } });
    },
    ends: { completed: 2 },
  },
  {
    name: 'logs, and what becomes of them',
    async prepare(kit) {
      const queue = await kit.queue();
      for (const [jobId, opts] of [['kept', { keepLogs: 2 }], ['gone', { removeOnComplete: true }]]) {
        const job = await queue.add('logged', {}, { jobId, ...opts });
        for (const row of ['one', 'two', 'three']) await job.log(row);
      }
    },
    ends: { completed: 2 },
  },
  {
    name: 'metrics',
    mode: 'fail:1',
    options: { metrics: true },
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.add('completes', {}, { attempts: 2 });
      await queue.add('fails', {});
    },
    ends: { completed: 1, failed: 1 },
  },
  {
    name: 'metrics that were kept some minutes ago',
    options: { metrics: true },
    async prepare(kit) {
      const queue = await kit.queue();
      // Five whole minutes back, and in the middle of that minute, so that no minute can end on the way.
      const now = Date.now();
      const minute = now - (now % 60_000);
      await kit.redis.hset(kit.key('q', 'metrics:completed'), 'count', '7', 'prevTS', String(minute - 5 * 60_000 + 30_000), 'prevCount', '4');
      await kit.redis.rpush(kit.key('q', 'metrics:completed:data'), '3', '1');
      await queue.add('counted', {});
    },
    ends: { completed: 1 },
  },
];

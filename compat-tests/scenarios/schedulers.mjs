// Job schedulers that the app made: each iteration plans the next when it starts.

export const scenarios = [
  {
    name: 'every so often, a limited number of times',
    offsets: [800, 1_600],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.upsertJobScheduler('every', { every: 800, limit: 3 }, { name: 'tick', data: { kind: 'every' }, opts: { removeOnComplete: false, attempts: 2 } });
    },
    ends: { completed: 3 },
  },
  {
    name: 'by a cron pattern, a limited number of times',
    offsets: [1_000, 2_000],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.upsertJobScheduler('cron', { pattern: '* * * * * *', limit: 2, tz: 'Europe/Paris' }, { name: 'tick', data: { kind: 'cron' } });
    },
    ends: { completed: 2 },
  },
  {
    name: 'an iteration that fails does not plan twice',
    mode: 'fail:1',
    offsets: [700],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.upsertJobScheduler('failing', { every: 700, limit: 2 }, { name: 'tick', opts: { attempts: 2 } });
    },
    ends: { completed: 2 },
  },
  {
    name: 'a scheduler that the app removes',
    offsets: [3_600_000],
    async prepare(kit) {
      const queue = await kit.queue();
      await queue.upsertJobScheduler('removed', { every: 3_600_000 }, { name: 'tick' });
    },
    async during(kit) {
      await kit.emitted('q', 'completed');
      await (await kit.queue()).removeJobScheduler('removed');
    },
    ends: { completed: 1 },
  },
];

// Jobs whose worker vanished: a lock that ran out, and what the next check makes of it.
import { until } from '../lib/wait.mjs';

/** Adds a job and takes it as a worker would that then is never heard of again. */
async function abandon(kit, opts = {}) {
  const queue = await kit.queue();
  await queue.add('abandoned', {}, { jobId: 'abandoned', ...opts });
  const worker = new kit.stock.Worker('q', undefined, { connection: kit.database.connection, lockDuration: 50 });
  await worker.getNextJob('a-token-of-a-dead-worker');
  await worker.close(true);
  await until('the lock is gone', async () => !(await kit.redis.exists(kit.key('q', 'abandoned:lock'))));
}

const checks = { stalledInterval: 250 };

export const scenarios = [
  {
    name: 'a stalled job runs again',
    options: checks,
    durations: [250],
    prepare: (kit) => abandon(kit),
    ends: { completed: 1 },
  },
  {
    name: 'a stalled job with a priority runs again before all',
    options: checks,
    durations: [250],
    prepare: (kit) => abandon(kit, { priority: 10 }),
    ends: { completed: 1 },
  },
  {
    name: 'a job that stalls more often than allowed fails',
    options: { ...checks, maxStalledCount: 0 },
    durations: [250],
    prepare: (kit) => abandon(kit),
    ends: { failed: 1 },
  },
  {
    name: 'a job that stalls more often than allowed fails, whatever attempts it has',
    options: { ...checks, maxStalledCount: 0 },
    durations: [250],
    prepare: (kit) => abandon(kit, { attempts: 5, backoff: 10 }),
    ends: { failed: 1 },
  },
];

/** The checks go on, so `stalled-check` is there or has just run out; what it holds is no part of the comparison. */
for (const scenario of scenarios) scenario.ignore = [/:stalled-check$/];

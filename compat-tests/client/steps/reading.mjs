// Everything an app can ask.

const STATES = ['active', 'completed', 'delayed', 'failed', 'prioritized', 'waiting', 'waiting-children'];
const one = (_, world) => ({ queue: world.queue() });
const job = (_, world) => world.job();

export const reading = {
  counts: { weight: 2, make: one, play: async (side, { queue }) => waitingInAll(await side.queue(queue).getJobCounts(...STATES)) },
  countsPerPriority: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), priorities: chance.of([[0, 1, 2, 5], [], [2_097_151], [1, 1, 0]]) }),
    play: async (side, { queue, priorities }) => side.queue(queue).getCountsPerPriority(priorities),
  },
  delayedCount: {
    weight: 1,
    versions: [6],
    make: (_, world) => ({ queue: world.queue(), until: world.now }),
    play: (side, { queue, until }) => side.queue(queue).getDelayedCount(until),
  },
  jobs: {
    weight: 3,
    make: (chance, world) => {
      const states = STATES.filter(() => chance.next() < 0.4);
      return { queue: world.queue(), states: states.length ? states : ['waiting'], start: chance.of([0, 0, 1, 2]), end: chance.of([-1, 0, 2, 4]), oldestFirst: chance.next() < 0.5 };
    },
    play: async (side, { queue, states, start, end, oldestFirst }) => (await side.queue(queue).getJobs(states, start, end, oldestFirst)).map(({ id }) => id),
  },
  job: { weight: 4, make: job, play: async (side, { queue, id }) => plain(await side.queue(queue).getJob(id)) },
  state: { weight: 2, make: job, play: (side, { queue, id }) => side.queue(queue).getJobState(id) },
  logs: {
    weight: 1,
    make: (chance, world) => ({ ...job(chance, world), start: chance.of([0, 1]), end: chance.of([-1, 0, 1]), oldestFirst: chance.next() < 0.5 }),
    play: async (side, { queue, id, start, end, oldestFirst }) => {
      const { logs, count } = await side.queue(queue).getJobLogs(id, start, end, oldestFirst);
      return { logs, count };
    },
  },
  childrenValues: { weight: 1, make: job, play: async (side, { queue, id }) => (await side.job(queue, id)).getChildrenValues() },
  childrenFailures: {
    weight: 1,
    make: job,
    play: async (side, { queue, id }) => (await side.job(queue, id)).getIgnoredChildrenFailures(),
  },
  dependenciesCount: {
    weight: 2,
    make: job,
    play: async (side, { queue, id }) => (await side.job(queue, id)).getDependenciesCount({ processed: true, unprocessed: true, ignored: true, failed: true }),
  },
  metrics: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), kind: chance.of(['completed', 'failed']), start: chance.of([0, 1]), end: chance.of([-1, 2]) }),
    play: (side, { queue, kind, start, end }) => side.queue(queue).getMetrics(kind, start, end),
  },
  isPaused: { weight: 1, make: one, play: (side, { queue }) => side.queue(queue).isPaused() },
  isMaxed: { weight: 1, make: one, play: (side, { queue }) => side.queue(queue).isMaxed() },
  settings: {
    weight: 1,
    make: one,
    play: async (side, { queue }) => {
      const limit = await side.queue(queue).getGlobalRateLimit();
      return { concurrency: await side.queue(queue).getGlobalConcurrency(), rateLimit: limit && { max: limit.max, duration: limit.duration } };
    },
  },
  rateLimitTtl: { weight: 1, make: (chance, world) => ({ queue: world.queue(), max: chance.of([1, 2]) }), play: async (side, { queue, max }) => Math.max(0, await side.queue(queue).getRateLimitTtl(max)) },
  deduplicationOwner: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), key: chance.of(['d1', 'd2', 'absent']) }),
    play: (side, { queue, key }) => side.queue(queue).getDeduplicationJobId(key),
  },
};

/** What any client knows of a job; what it lacks is left out. What a stack trace says belongs to a language. */
export function plain(job) {
  if (!job) return null;
  if (job.name === undefined) return { id: job.id }; // its hash was lost; clients read defaults of their own
  const { id, name, data, timestamp, delay, priority, attemptsMade, attemptsStarted, stalledCounter, processedOn, finishedOn } = job;
  const { processedBy, progress, returnvalue, failedReason, stacktrace, parentKey, deduplicationId, repeatJobKey, deferredFailure } = job;
  return {
    id, name, data, timestamp, delay, priority, attemptsMade, attemptsStarted, stalledCounter, processedOn, finishedOn, processedBy,
    progress, returnvalue: returnvalue ?? null, failedReason: failedReason || undefined, stacktrace: (stacktrace ?? []).length, parentKey, deduplicationId, repeatJobKey, deferredFailure,
  };
}

/** 5.x counts apart what waits in a paused queue. */
function waitingInAll({ paused = 0, waiting, ...others }) {
  return { ...others, waiting: waiting + paused };
}

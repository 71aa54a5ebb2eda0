// What is done to a queue as a whole.
import { LIFETIME } from '../world.mjs';

const one = (_, world) => ({ queue: world.queue() });

export const queues = {
  pause: { weight: 2, make: one, play: async (side, { queue }) => void (await side.queue(queue).pause()) },
  resume: { weight: 4, make: one, play: async (side, { queue }) => void (await side.queue(queue).resume()) },
  setConcurrency: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), concurrency: chance.of([1, 2, 5]) }),
    play: async (side, { queue, concurrency }) => void (await side.queue(queue).setGlobalConcurrency(concurrency)),
  },
  removeConcurrency: { weight: 2, make: one, play: async (side, { queue }) => void (await side.queue(queue).removeGlobalConcurrency()) },
  setRateLimit: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), max: chance.of([1, 2, 50]), duration: LIFETIME }),
    play: async (side, { queue, max, duration }) => void (await side.queue(queue).setGlobalRateLimit(max, duration)),
  },
  removeRateLimit: { weight: 2, make: one, play: async (side, { queue }) => void (await side.queue(queue).removeGlobalRateLimit()) },
  rateLimit: { weight: 1, make: one, play: async (side, { queue }) => void (await side.queue(queue).rateLimit(LIFETIME)) },
  endRateLimit: { weight: 2, make: one, play: async (side, { queue }) => void (await side.queue(queue).removeRateLimitKey()) },
  drain: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), delayed: chance.next() < 0.5 }),
    play: async (side, { queue, delayed }) => void (await side.queue(queue).drain(delayed)),
  },
  clean: {
    weight: 3,
    make: (chance, world) => ({
      queue: world.queue(),
      state: chance.of(['completed', 'failed', 'wait', 'delayed', 'prioritized', 'active']),
      grace: chance.of([0, 0, 50, 60_000]),
      limit: chance.of([0, 1, 2, 20_000]),
    }),
    play: (side, { queue, state, grace, limit }) => side.queue(queue).clean(grace, limit, state),
  },
  retryJobs: {
    weight: 2,
    make: (chance, world) => ({ queue: world.queue(), state: chance.of(['failed', 'completed']), count: chance.of([1, 2, 1_000]), before: chance.maybe(0.3, world.now - 1) }),
    play: async (side, { queue, state, count, before }) => void (await side.queue(queue).retryJobs({ state, count, timestamp: before })),
  },
  promoteJobs: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), count: chance.of([1, 2, 1_000]) }),
    play: async (side, { queue, count }) => void (await side.queue(queue).promoteJobs({ count })),
  },
  obliterate: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), force: chance.next() < 0.3, count: chance.of([3, 1_000]) }),
    play: async (side, { queue, force, count }) => void (await side.queue(queue).obliterate({ force, count })),
  },
  trimEvents: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), length: chance.of([0, 200]) }),
    play: async (side, { queue, length }) => side.queue(queue).trimEvents(length),
  },
  removeDeduplicationKey: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), key: chance.of(['d1', 'd2', 'absent']) }),
    play: async (side, { queue, key }) => (await side.queue(queue).removeDeduplicationKey(key)) === 1,
  },
  removeOrphanedJobs: {
    weight: 1,
    versions: [6],
    make: one,
    play: (side, { queue }) => side.queue(queue).removeOrphanedJobs(),
  },
  /** Someone deletes a job's hash by hand, which leaves its id in a list. */
  loseHash: {
    weight: 0.3,
    make: (_, world) => world.job(),
    meddle: (redis, { queue, id }) => redis.del(`bull:${queue}:${id}`),
  },
};

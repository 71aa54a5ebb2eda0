// What is done to a job by its id, whatever its state.
import { LIFETIME } from '../world.mjs';

const on = (world) => world.job();

export const jobs = {
  updateData: {
    weight: 1,
    make: (chance, world) => ({ ...on(world), data: chance.of([{ updated: true }, null, 'text', []]) }),
    play: async (side, { queue, id, data }) => void (await (await side.job(queue, id)).updateData(data)),
  },
  updateProgress: {
    weight: 2,
    make: (chance, world) => ({ ...on(world), progress: chance.of([0, 50, 99.5, { step: 'two' }, 'text', true, [1]]) }),
    play: async (side, { queue, id, progress }) => void (await side.queue(queue).updateJobProgress(id, progress)),
  },
  log: {
    weight: 2,
    make: (chance, world) => ({ ...on(world), row: chance.of(['a row', '', 'ünï\nline', '{"json":1}']) }),
    play: async (side, { queue, id, row }) => (await side.existing(queue, id)).log(row),
  },
  clearLogs: {
    weight: 1,
    make: (chance, world) => ({ ...on(world), keep: chance.of([0, 1, 2]) }),
    play: async (side, { queue, id, keep }) => void (await (await side.job(queue, id)).clearLogs(keep)),
  },
  changeDelay: {
    weight: 2,
    make: (chance, world) => ({ ...on(world), delay: chance.of([0, 70, 2_000, 86_400_000]) }),
    play: async (side, { queue, id, delay }) => void (await (await side.job(queue, id)).changeDelay(delay)),
  },
  changePriority: {
    weight: 3,
    make: (chance, world) => ({ ...on(world), priority: chance.of([0, 1, 9, 2_097_151]), lifo: chance.next() < 0.3 }),
    play: async (side, { queue, id, priority, lifo }) => void (await (await side.job(queue, id)).changePriority({ priority, lifo })),
  },
  promote: {
    weight: 3,
    make: (_, world) => on(world),
    play: async (side, { queue, id }) => void (await (await side.job(queue, id)).promote()),
  },
  retry: {
    weight: 4,
    make: (chance, world) => ({ ...on(world), state: chance.of(['failed', 'completed']), resetMade: chance.next() < 0.3, resetStarted: chance.next() < 0.3 }),
    play: async (side, { queue, id, state, resetMade, resetStarted }) =>
      void (await (await side.job(queue, id)).retry(state, { resetAttemptsMade: resetMade, resetAttemptsStarted: resetStarted })),
  },
  remove: {
    weight: 4,
    make: (chance, world) => ({ ...on(world), children: chance.next() < 0.5 }),
    play: async (side, { queue, id, children }) => (await side.queue(queue).remove(id, { removeChildren: children })) === 1,
  },
  removeUnprocessedChildren: {
    weight: 1,
    make: (_, world) => on(world),
    play: async (side, { queue, id }) => void (await (await side.job(queue, id)).removeUnprocessedChildren()),
  },
  removeChildDependency: {
    weight: 2,
    make: (_, world) => on(world),
    play: async (side, { queue, id }) => {
      const job = await side.existing(queue, id);
      // Of a job without a parent stock says that its parent `undefined` is missing.
      return job.parentKey === undefined ? false : job.removeChildDependency();
    },
  },
  removeOwnDeduplicationKey: {
    weight: 1,
    make: (_, world) => on(world),
    play: async (side, { queue, id }) => (await side.existing(queue, id)).removeDeduplicationKey(),
  },
  /** Someone takes the lock away, as a worker that is long gone would have let it run out. */
  dropLock: {
    weight: 1,
    make: (_, world) => on(world),
    meddle: (redis, { queue, id }) => redis.del(`bull:${queue}:${id}:lock`),
  },
  stealLock: {
    weight: 1,
    make: (_, world) => on(world),
    meddle: (redis, { queue, id }) => redis.set(`bull:${queue}:${id}:lock`, 'foreign', 'PX', LIFETIME, 'XX'),
  },
};

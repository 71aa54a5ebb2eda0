// What a worker without a loop does: take a job, and say how it ended.
import { LIFETIME } from '../world.mjs';

const held = (_, world) => ({ token: world.takenToken() });
const isHeld = (world) => world.taken.length > 0;

/** The key of a job, which may be a child or not; its id has no colon. */
function childKey(chance, world) {
  const { queue, id } = chance.of(world.jobs.filter((job) => !job.id.includes(':'))) ?? { queue: 'q', id: 'absent' };
  return `bull:${queue}:${id}`;
}

export const moves = {
  take: {
    weight: 16,
    make: (_, world) => ({ queue: world.queue(), token: world.token() }),
    play: (side, { queue, token }) => side.take(queue, token),
  },
  /** By a worker with a rate limit of its own. */
  takeLimited: {
    weight: 3,
    make: (_, world) => ({ queue: world.queue(), token: world.token() }),
    play: (side, { queue, token }) => side.take(queue, token, true),
  },
  complete: {
    weight: 9,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), value: chance.of([null, 'done', { a: [1] }, 0, [], false]), next: chance.next() < 0.4 }),
    play: (side, { token, value, next }) => side.give(token, (job) => job.moveToCompleted(value, token, next)),
  },
  fail: {
    weight: 9,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), message: chance.of(['bad', '', 'ünïcode\n2']), forGood: chance.next() < 0.2, next: chance.next() < 0.4 }),
    play: (side, { token, message, forGood, next }) =>
      side.give(token, (job) => {
        const error = new Error(message);
        if (forGood) error.name = 'UnrecoverableError';
        error.stack = `Error: ${message}`;
        return job.moveToFailed(error, token, next);
      }),
  },
  moveToDelayed: {
    weight: 2,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), until: world.now + chance.of([50, 1_000]) }),
    play: (side, { token, until }) => side.give(token, (job) => job.moveToDelayed(until, token)),
  },
  moveToWait: {
    weight: 2,
    possible: isHeld,
    make: held,
    play: (side, { token }) => side.give(token, (job) => job.moveToWait(token)),
  },
  moveToWaitingChildren: {
    weight: 3,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), child: chance.maybe(0.3, childKey(chance, world)) }),
    play: (side, { token, child }) =>
      side.try(token, (job) => {
        const [, queue, id] = child?.split(':') ?? [];
        return job.moveToWaitingChildren(token, child ? { child: { id, queue: `bull:${queue}` } } : {});
      }),
  },
  extendLock: {
    weight: 1,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), duration: LIFETIME }),
    play: (side, { token, duration }) => side.extend(token, duration),
  },
  checkStalled: {
    weight: 3,
    make: (_, world) => ({ queue: world.queue() }),
    meddle: (redis, { queue }) => redis.del(`bull:${queue}:stalled-check`),
    play: (side, { queue }) => side.checkStalled(queue),
  },
  wait: { weight: 8, make: (chance) => ({ ms: chance.of([0, 1, 49, 60, 1_500, 61_000, 200_000, 86_400_000]) }) },
};

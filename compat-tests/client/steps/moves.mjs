// What a worker without a loop does: take a job, and say how it ended.
import { LIFETIME } from '../world.mjs';

const held = (_, world) => ({ token: world.takenToken() });
const isHeld = (world) => world.taken.length > 0;

export const moves = {
  take: {
    weight: 18,
    make: (_, world) => ({ queue: world.queue(), token: world.token() }),
    play: (side, { queue, token }) => side.take(queue, token),
  },
  complete: {
    weight: 9,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), value: chance.of([null, 'done', { a: [1] }, 0, [], false]) }),
    play: (side, { token, value }) => side.give(token, (job) => job.moveToCompleted(value, token, false)),
  },
  fail: {
    weight: 9,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), message: chance.of(['bad', '', 'ünïcode\n2']), forGood: chance.next() < 0.2 }),
    play: (side, { token, message, forGood }) =>
      side.give(token, (job) => {
        const error = new Error(message);
        if (forGood) error.name = 'UnrecoverableError';
        error.stack = `Error: ${message}`;
        return job.moveToFailed(error, token, false);
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
    make: held,
    play: (side, { token }) => side.try(token, (job) => job.moveToWaitingChildren(token)),
  },
  extendLock: {
    weight: 1,
    possible: isHeld,
    make: (chance, world) => ({ ...held(chance, world), duration: LIFETIME }),
    play: async (side, { token, duration }) => (await side.hold(token, (job) => job.extendLock(token, duration))) === 1,
  },
  checkStalled: {
    weight: 3,
    make: (_, world) => ({ queue: world.queue() }),
    meddle: (redis, { queue }) => redis.del(`bull:${queue}:stalled-check`),
    play: (side, { queue }) => side.checkStalled(queue),
  },
  wait: { weight: 8, make: (chance) => ({ ms: chance.of([0, 1, 49, 60, 1_500, 61_000, 200_000, 86_400_000]) }) },
};

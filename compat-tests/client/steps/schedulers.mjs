// Job schedulers.
import { repeatOptions, template } from '../options.mjs';

const IDS = ['s1', 's2', 'ünï s3'];
const one = (chance, world) => ({ queue: world.queue(), scheduler: chance.of(IDS) });

export const schedulers = {
  upsertScheduler: {
    weight: 8,
    make: (chance, world) => ({ ...one(chance, world), repeat: repeatOptions(chance, world.now), template: chance.maybe(0.9, template(chance)) }),
    play: async (side, { queue, scheduler, repeat, template }) => {
      const job = await side.queue(queue).upsertJobScheduler(scheduler, repeat, template);
      return job ? { id: job.id } : null;
    },
  },
  removeScheduler: { weight: 2, make: one, play: (side, { queue, scheduler }) => side.queue(queue).removeJobScheduler(scheduler) },
  scheduler: { weight: 2, make: one, play: async (side, { queue, scheduler }) => plain(await side.queue(queue).getJobScheduler(scheduler)) },
  schedulers: {
    weight: 1,
    make: (chance, world) => ({ queue: world.queue(), start: 0, end: chance.of([-1, 0, 1]), oldestFirst: chance.next() < 0.5 }),
    play: async (side, { queue, start, end, oldestFirst }) => (await side.queue(queue).getJobSchedulers(start, end, oldestFirst)).map(plain),
  },
  schedulersCount: { weight: 1, make: (_, world) => ({ queue: world.queue() }), play: (side, { queue }) => side.queue(queue).getJobSchedulersCount() },
};

/** A scheduler as the app sees it; what it lacks is left out. */
function plain(scheduler) {
  if (!scheduler) return null;
  const { key, name, next, iterationCount, limit, startDate, endDate, tz, pattern, every, offset } = scheduler;
  const { keepLogs, ...opts } = scheduler.template?.opts ?? {};
  // Ours gives the options as they are stored, under their short names.
  const template = scheduler.template && { ...scheduler.template, ...(scheduler.template.opts ? { opts: { ...opts, ...(keepLogs === undefined ? {} : { kl: keepLogs }) } } : {}) };
  return { id: key, name, next, iterationCount, limit, startDate, endDate, tz, pattern, every, offset, template };
}

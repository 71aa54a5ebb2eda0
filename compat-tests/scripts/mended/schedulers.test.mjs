// Schedulers that stock stops, doubles or forgets.
import { stock } from '../../lib/stock.mjs';
import { HOUR, mended, outcome } from './pin.mjs';

/** The ids of a scheduler's jobs, without their instants. */
const nameless = (ids) => ids.map((id) => id.replace(/\d{13}/, 'T'));

/** The id of the job that a scheduler waits for. */
async function armed(kit, scheduler) {
  return `repeat:${scheduler}:${await kit.redis.zscore(kit.key('q', 'repeat'), scheduler)}`;
}

async function complete(kit, worker, token) {
  const job = await worker.getNextJob(token, { block: false });
  await job.moveToCompleted(null, token, false);
  return job.id;
}

mended(
  'drain keeps the job that a scheduler waits for, and nothing else',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('drained', {}, { jobId: 'a' });
    await queue.upsertJobScheduler('s', { every: HOUR }, { name: 'tick' });
    await queue.add('drained', {}, { jobId: 'b' });
    await queue.drain();
    return nameless(await kit.redis.lrange(kit.key('q', 'wait'), 0, -1));
  },
  { theirs: ['a'], ours: ['repeat:s:T'] },
);

mended(
  'a scheduler changed while its queue is paused has one job',
  async (kit) => {
    const queue = await kit.queue();
    await queue.pause();
    await queue.upsertJobScheduler('s', { every: HOUR }, { name: 'tick' });
    await queue.upsertJobScheduler('s', { every: 2 * HOUR, startDate: Date.now() + 60_000 }, { name: 'tick' });
    return (await kit.redis.keys(kit.key('q', 'repeat:s:*'))).length;
  },
  { theirs: 2, ours: 1 },
);

mended(
  'a cron scheduler upserted again while a job that was promoted by hand stands on its slot leaves that job alone',
  async (kit) => {
    const queue = await kit.queue();
    const cron = { pattern: '0 0 1 1 *', tz: 'UTC' };
    await queue.upsertJobScheduler('s', cron, { name: 'tick' });
    const first = await armed(kit, 's');
    await (await queue.getJob(first)).promote();
    await complete(kit, await kit.worker(), 'token');
    const second = await armed(kit, 's');
    await queue.upsertJobScheduler('s', cron, { name: 'tick' });
    return { first: await kit.place('q', first), second: await kit.place('q', second), armed: (await armed(kit, 's')) === first ? 'first' : 'second' };
  },
  { theirs: { first: 'delayed and completed', second: 'nowhere', armed: 'first' }, ours: { first: 'completed', second: 'delayed', armed: 'second' } },
);

mended(
  'a scheduler whose next slots are all taken keeps the one that it had',
  async (kit) => {
    const queue = await kit.queue();
    const now = Date.now();
    await queue.upsertJobScheduler('s', { every: HOUR, startDate: now + HOUR }, { name: 'tick' });
    // The interval changes, so other slots are looked at; jobs of an earlier scheduler sit on each of them.
    const start = now + 2 * HOUR;
    for (let slot = 0; slot <= 32; slot += 1) await kit.redis.hset(kit.key('q', `repeat:s:${start + slot * 1_000}`), 'name', 'old', 'data', '{}', 'opts', '{}');
    const again = await outcome(() => queue.upsertJobScheduler('s', { every: 1_000, startDate: start }, { name: 'tick' }).then(() => 'armed'));
    return { again, place: await kit.place('q', await armed(kit, 's')) };
  },
  { theirs: { again: 'Cannot create job scheduler iteration - current and next time slots already have jobs. addJobScheduler', place: 'nowhere' }, ours: { again: 'armed', place: 'delayed' } },
);

for (const [what, repeat] of [['a limit that is an object', { every: HOUR, limit: { max: 1 } }], ['a time zone that is a list', { every: HOUR, tz: ['UTC'] }]]) {
  mended(
    `scheduler options that cannot be stored (${what}) leave the scheduler as it is`,
    async (kit) => {
      const queue = await kit.queue();
      await queue.upsertJobScheduler('s', { every: HOUR, startDate: Date.now() + HOUR }, { name: 'tick' });
      const again = await outcome(() => queue.upsertJobScheduler('s', repeat, { name: 'tick' }).then(() => 'armed'));
      return { again, place: await kit.place('q', await armed(kit, 's')) };
    },
    { theirs: { again: 'script error', place: 'nowhere' }, ours: { again: 'script error', place: 'delayed' } },
  );
}

mended(
  'a job whose scheduler has lost its definition runs, and nothing is armed',
  async (kit) => {
    const queue = await kit.queue();
    await queue.upsertJobScheduler('s', { every: HOUR }, { name: 'tick' });
    const before = await armed(kit, 's');
    await kit.redis.del(kit.key('q', 'repeat:s'));
    const taken = await kit.take(await kit.worker());
    return { runs: taken === before, registered: (await armed(kit, 's')) === before ? 'as before' : 'a slot without a job' };
  },
  { theirs: { runs: false, registered: 'a slot without a job' }, ours: { runs: true, registered: 'as before' } },
);

mended(
  'the second job of a repeatable that 5.x made has the data of the first',
  async (kit) => {
    const app = new (stock(5).Queue)('q', { connection: kit.database.connection });
    app.on('error', () => {});
    try {
      await app.add('tick', { a: 1 }, { repeat: { every: HOUR, immediately: true } });
    } finally {
      await app.close();
    }
    const queue = await kit.queue();
    const [first] = [...(await queue.getDelayed()), ...(await queue.getWaiting())];
    if (await first.isDelayed()) await first.promote();
    await complete(kit, await kit.worker(), 'token');
    const [second] = await queue.getDelayed();
    return second?.data ?? null;
  },
  { theirs: {}, ours: { a: 1 } },
);

// Rate limits without an end.
import { HOUR, mended } from './pin.mjs';

mended(
  'a rate limit without its duration takes no job hostage',
  async (kit) => {
    const queue = await kit.queue();
    await queue.add('first', {});
    await kit.redis.hset(kit.key('q', 'meta'), 'max', '1');
    const taken = await kit.take(await kit.worker());
    return { taken, place: await kit.place('q', '1'), locked: await kit.redis.exists(kit.key('q', '1:lock')), limit: await kit.redis.pttl(kit.key('q', 'limiter')) };
  },
  { theirs: { taken: 'script error', place: 'active', locked: 0, limit: -1 }, ours: { taken: '1', place: 'active', locked: 1, limit: -2 } },
);

mended(
  'a rate limit whose counter has no end is counted anew',
  async (kit) => {
    const queue = await kit.queue();
    const worker = await kit.worker('q', { limiter: { max: 2, duration: HOUR } });
    await kit.redis.set(kit.key('q', 'limiter'), '5');
    for (let n = 1; n <= 4; n += 1) await queue.add('job', {});
    const taken = [];
    for (let n = 1; n <= 4; n += 1) taken.push(await kit.take(worker, `token-${n}`));
    return { taken, ends: (await kit.redis.pttl(kit.key('q', 'limiter'))) > 0 };
  },
  { theirs: { taken: ['1', '2', '3', '4'], ends: false }, ours: { taken: ['1', '2', null, null], ends: true } },
);

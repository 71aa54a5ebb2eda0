// Garbage: stock raises in the middle of what it does, and leaves a job in no list, or running without a lock.
import { HOUR, mended, outcome } from './pin.mjs';

async function add(kit, id, options = {}) {
  const queue = await kit.queue();
  await queue.add('job', {}, { jobId: id, ...options });
  return queue;
}

/** Takes the job `id` as a worker does, with a token that ends it. */
async function taken(kit, id = 'a', options = {}) {
  await add(kit, id, options);
  const worker = await kit.worker('q', { metrics: { maxDataPoints: 5 } });
  return worker.getNextJob('token', { block: false });
}

mended(
  'a priority that is no number changes nothing',
  async (kit) => {
    const queue = await add(kit, 'a');
    const answer = await outcome(() => queue.backend.changePriority('a', 'urgent', false));
    return { answer, place: await kit.place('q', 'a') };
  },
  { theirs: { answer: 'script error', place: 'nowhere' }, ours: { answer: 'script error', place: 'wait' } },
);

mended(
  'a time to clean that is no number removes nothing',
  async (kit) => {
    const queue = await add(kit, 'a');
    const answer = await outcome(() => queue.clean(Number.NaN, 10, 'wait'));
    return { answer, place: await kit.place('q', 'a') };
  },
  { theirs: { answer: ['a'], place: 'nowhere' }, ours: { answer: 'script error', place: 'wait' } },
);

mended(
  'delayed jobs that are due with a key that is no hash are not lost',
  async (kit) => {
    await add(kit, 'garbage', { delay: 1, timestamp: 1 });
    await add(kit, 'fine', { delay: 2, timestamp: 1 });
    await kit.redis.set(kit.key('q', 'garbage'), 'no hash');
    const first = await kit.take(await kit.worker());
    return { first, fine: await kit.place('q', 'fine'), garbage: await kit.place('q', 'garbage') };
  },
  { theirs: { first: 'script error', fine: 'nowhere', garbage: 'nowhere' }, ours: { first: 'garbage', fine: 'wait', garbage: 'active' } },
);

mended(
  'a job key that is no hash is handed out, so that its worker can fail it',
  async (kit) => {
    await add(kit, 'a');
    await kit.redis.set(kit.key('q', 'a'), 'no hash');
    const worker = await kit.worker();
    return outcome(() => worker.backend.moveToActive('token').then(([, id]) => id));
  },
  { theirs: 'script error', ours: 'a' },
);

mended(
  '`ats` that is no number does not keep a job from running',
  async (kit) => {
    await add(kit, 'a');
    await kit.redis.hset(kit.key('q', 'a'), 'ats', 'twice');
    return { taken: await kit.take(await kit.worker()), place: await kit.place('q', 'a') };
  },
  { theirs: { taken: 'script error', place: 'active' }, ours: { taken: 'a', place: 'active' } },
);

mended(
  '`atm` that is no number does not keep a job from ending',
  async (kit) => {
    const job = await taken(kit);
    await kit.redis.hset(kit.key('q', 'a'), 'atm', 'twice');
    const answer = await outcome(() => job.moveToCompleted(null, 'token', false).then(() => 'done'));
    return { answer, place: await kit.place('q', 'a') };
  },
  { theirs: { answer: 'script error', place: 'nowhere' }, ours: { answer: 'done', place: 'completed' } },
);

mended(
  '`stc` that is no number does not lose a job that stalled',
  async (kit) => {
    await taken(kit);
    await kit.redis.hset(kit.key('q', 'a'), 'stc', 'once');
    const worker = await kit.worker();
    for (let check = 1; check <= 2; check += 1) {
      await kit.redis.del(kit.key('q', 'stalled-check'), kit.key('q', 'a:lock'));
      await outcome(() => worker.backend.moveStalledJobsToWait());
    }
    return kit.place('q', 'a');
  },
  { theirs: 'nowhere', ours: 'wait' },
);

mended(
  '`opts.maxLenEvents` that is no number does not keep a job from ending',
  async (kit) => {
    const job = await taken(kit);
    await kit.redis.hset(kit.key('q', 'meta'), 'opts.maxLenEvents', 'many');
    const answer = await outcome(() => job.moveToCompleted(null, 'token', false).then(() => 'done'));
    return { answer, place: await kit.place('q', 'a') };
  },
  { theirs: { answer: 'script error', place: 'nowhere' }, ours: { answer: 'done', place: 'completed' } },
);

mended(
  'metrics whose count is no number do not fail the call that ended a job',
  async (kit) => {
    const job = await taken(kit);
    await kit.redis.hset(kit.key('q', 'metrics:completed'), 'count', 'many');
    const answer = await outcome(() => job.moveToCompleted(null, 'token', false).then(() => 'done'));
    return { answer, place: await kit.place('q', 'a') };
  },
  { theirs: { answer: 'script error', place: 'completed' }, ours: { answer: 'done', place: 'completed' } },
);

mended(
  'a global concurrency that is no number is no limit',
  async (kit) => {
    await add(kit, 'a');
    await kit.redis.hset(kit.key('q', 'meta'), 'concurrency', 'few');
    return { taken: await kit.take(await kit.worker()), place: await kit.place('q', 'a') };
  },
  { theirs: { taken: 'script error', place: 'wait' }, ours: { taken: 'a', place: 'active' } },
);

mended(
  'a `parent` that is no JSON is read from `parentKey`',
  async (kit) => {
    const flow = { name: 'parent', queueName: 'q', opts: { jobId: 'parent' }, children: [{ name: 'child', queueName: 'q', opts: { jobId: 'a' } }] };
    await kit.queue();
    await kit.flow.add(flow);
    const worker = await kit.worker();
    const job = await worker.getNextJob('token', { block: false });
    await kit.redis.hset(kit.key('q', 'a'), 'parent', '{broken');
    const answer = await outcome(() => job.moveToCompleted(null, 'token', false).then(() => 'done'));
    return { answer, child: await kit.place('q', 'a'), parent: await kit.place('q', 'parent') };
  },
  { theirs: { answer: 'script error', child: 'active', parent: 'waiting-children' }, ours: { answer: 'done', child: 'completed', parent: 'wait' } },
);

mended(
  'fields of an outcome that do not decode are left out',
  async (kit) => {
    const job = await taken(kit);
    const { backend } = job;
    const args = backend.moveToFinishedArgs?.bind(backend);
    if (args) {
      backend.moveToFinishedArgs = (...given) => {
        const made = args(...given);
        made[made.length - 1] = Buffer.from([0xc1]);
        return made;
      };
    }
    const answer = await outcome(() => job.moveToFailed(new Error('bad'), 'token', false).then(() => 'done'));
    return { answer, place: await kit.place('q', 'a'), locked: await kit.redis.exists(kit.key('q', 'a:lock')) };
  },
  { theirs: { answer: 'script error', place: 'active', locked: 0 }, ours: { answer: 'done', place: 'failed', locked: 0 } },
);

mended(
  '`keepLogs: 0` keeps no row',
  async (kit) => {
    const queue = await add(kit, 'a');
    const answer = await outcome(() => queue.backend.addLog('a', 'a row', '0'));
    return { answer, rows: await kit.redis.llen(kit.key('q', 'a:logs')) };
  },
  { theirs: { answer: 'script error', rows: 1 }, ours: { answer: 0, rows: 0 } },
);

mended(
  'a limit of 0 for what is removed by age is the default one',
  async (kit) => {
    const queue = await kit.queue();
    const worker = await kit.worker();
    await kit.redis.hset(kit.key('q', 'old'), 'name', 'old', 'data', '{}', 'opts', '{}', 'finishedOn', '1');
    await kit.redis.zadd(kit.key('q', 'completed'), 1, 'old');
    await queue.add('job', {}, { removeOnComplete: { age: 1, limit: 0 } });
    const job = await worker.getNextJob('token', { block: false });
    await job.moveToCompleted(null, 'token', false);
    return kit.place('q', 'old');
  },
  { theirs: 'completed', ours: 'nowhere' },
);

// The steps a walk can take. Each is made once from chance (`pick`), and then played on both sides alike.
import { QUEUES } from './side.mjs';

/** Ids in generations: a job's parent is always of an earlier one, since stock overflows its stack on a circle. */
const GENERATIONS = [
  ['job-a', 'job-b', 'job-c', 'job-d'],
  ['child-a', 'child-b', 'child-c', 'child-d'],
  ['leaf-a', 'leaf-b', 'leaf-c', 'leaf-d'],
];
const IDS = GENERATIONS.flat();
const KEEP = [true, false, 0, 1, 2, { count: 1 }, { age: 1 }, { age: 1, limit: 1 }, { age: 3_600, count: 2 }];

function jobOptions(chance, { deduplication = true, parent = true } = {}) {
  const generation = chance.below(GENERATIONS.length);
  const jobId = chance.maybe(0.4, chance.of(GENERATIONS[generation]));
  const mayHaveParent = parent && jobId !== undefined && generation > 0;
  return defined({
    jobId,
    delay: chance.maybe(0.25, chance.of([50, 60, 1_500])),
    priority: chance.maybe(0.3, chance.of([1, 2, 5, 2_097_151])),
    lifo: chance.maybe(0.15, true),
    attempts: chance.maybe(0.5, chance.of([1, 2, 3])),
    backoff: chance.maybe(0.4, chance.of([100, { type: 'fixed', delay: 50 }, { type: 'exponential', delay: 40 }])),
    removeOnComplete: chance.maybe(0.4, chance.of(KEEP)),
    removeOnFail: chance.maybe(0.4, chance.of(KEEP)),
    keepLogs: chance.maybe(0.2, 1),
    stackTraceLimit: chance.maybe(0.2, chance.of([0, 1])),
    deduplication: deduplication ? chance.maybe(0.25, deduplicationOptions(chance)) : undefined,
    ...(mayHaveParent ? chance.maybe(0.4, { parent: { id: chance.of(GENERATIONS[generation - 1]), queue: `bull:${chance.of(QUEUES)}` }, ...policy(chance) }) : {}),
  });
}

function deduplicationOptions(chance) {
  return defined({
    id: chance.of(['d1', 'd2']),
    ttl: chance.maybe(0.4, 600_000),
    extend: chance.maybe(0.4, true),
    replace: chance.maybe(0.4, true),
    keepLastIfActive: chance.maybe(0.3, true),
    reschedule: chance.maybe(0.2, true),
  });
}

function policy(chance) {
  const name = chance.maybe(0.7, chance.of(['failParentOnFailure', 'continueParentOnFailure', 'ignoreDependencyOnFailure', 'removeDependencyOnFailure']));
  return name ? { [name]: true } : {};
}

function defined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function flowNode(chance, generation) {
  const hasChildren = generation === 0 || (generation === 1 && chance.next() < 0.3);
  const children = Array.from({ length: hasChildren ? 1 + chance.below(3) : 0 }, () => flowNode(chance, generation + 1));
  const opts = { ...jobOptions(chance, { deduplication: false, parent: false }), jobId: chance.of(GENERATIONS[generation]) };
  return {
    name: `flow-${generation}`,
    queueName: chance.of(QUEUES),
    data: { generation },
    opts: { ...opts, ...(generation === 0 ? {} : policy(chance)) },
    ...(children.length ? { children } : {}),
  };
}

/** Every kind of step: how often it is chosen, and what it does on a side. `make` returns `[description, play]`. */
const KINDS = [
  [12, 'add', (chance) => {
    const [queue, opts, data] = [chance.of(QUEUES), jobOptions(chance), { n: chance.below(100) }];
    return [{ queue, opts }, async (side) => (await side.queues[queue].add('job', data, opts)).id];
  }],
  [3, 'addBulk', (chance) => {
    const queue = chance.of(QUEUES);
    const jobs = Array.from({ length: 1 + chance.below(4) }, (_, n) => ({ name: 'bulk', data: { n }, opts: jobOptions(chance) }));
    return [{ queue, jobs }, async (side) => (await side.queues[queue].addBulk(jobs)).map(({ id }) => id)];
  }],
  [5, 'flow', (chance) => {
    const tree = flowNode(chance, 0);
    return [tree, async (side) => (await side.flow.add(tree)).job.id];
  }],
  [16, 'take', (chance, walk) => {
    const [queue, token, limited] = [chance.of(QUEUES), walk.token(), chance.maybe(0.15, true) ?? false];
    return [{ queue: limited ? 'q' : queue, limited }, (side) => side.take(limited ? 'q' : queue, token, limited)];
  }],
  [9, 'complete', onActive((chance) => {
    const [value, fetch] = [chance.of([null, 'done', { a: [1] }, 0]), chance.maybe(0.5, true) ?? false];
    return [{ value, fetch }, (job, token) => job.moveToCompleted(value, token, fetch)];
  })],
  [9, 'fail', onActive((chance) => {
    const [message, hopeless, fetch] = [chance.of(['bad', '', 'ünïcode']), chance.maybe(0.2, true) ?? false, chance.maybe(0.5, true) ?? false];
    return [{ message, hopeless, fetch }, (job, token) => {
      const error = new Error(message);
      if (hopeless) error.name = 'UnrecoverableError';
      error.stack = `Error: ${message}\n    at a fixed place`;
      return job.moveToFailed(error, token, fetch);
    }];
  })],
  [2, 'moveToDelayed', onActive((chance) => {
    const ahead = chance.of([50, 1_000]);
    return [{ ahead }, (job, token) => job.moveToDelayed(Date.now() + ahead, token)];
  })],
  [2, 'moveToWait', onActive(() => [{}, (job, token) => job.moveToWait(token)])],
  [2, 'moveToWaitingChildren', onActive((chance) => {
    const child = chance.maybe(0.3, { id: chance.of(IDS), queue: `bull:${chance.of(QUEUES)}` });
    return [{ child }, (job, token) => job.moveToWaitingChildren(token, child ? { child } : {})];
  })],
  [2, 'finish with a foreign token', (chance, walk) => {
    const index = chance.below(walk.activeCount());
    return [{ index }, (side) => side.active[index].job.moveToCompleted(1, 'foreign', false)];
  }, (walk) => walk.activeCount() > 0],
  [2, 'progress and log', onJob((chance) => {
    const progress = chance.of([50, { step: 'two' }]);
    return [{ progress }, async (job) => {
      await job.updateProgress(progress);
      return job.log('a row');
    }];
  })],
  [1, 'updateData', onJob(() => [{}, (job) => job.updateData({ updated: true })])],
  [2, 'changeDelay', onJob((chance) => {
    const delay = chance.of([0, 70, 2_000]);
    return [{ delay }, (job) => job.changeDelay(delay)];
  })],
  [2, 'changePriority', onJob((chance) => {
    const opts = { priority: chance.of([0, 1, 9]), lifo: chance.maybe(0.3, true) ?? false };
    return [opts, (job) => job.changePriority(opts)];
  })],
  [2, 'promote', onJob(() => [{}, (job) => job.promote()])],
  [3, 'retry', onJob((chance) => {
    const [state, opts] = [chance.of(['failed', 'completed']), { resetAttemptsMade: chance.maybe(0.3, true) ?? false, resetAttemptsStarted: chance.maybe(0.3, true) ?? false }];
    return [{ state, opts }, (job) => job.retry(state, opts)];
  })],
  [3, 'remove', onJob((chance) => {
    const removeChildren = chance.maybe(0.5, true) ?? false;
    return [{ removeChildren }, (job) => job.remove({ removeChildren })];
  })],
  [1, 'removeUnprocessedChildren', onJob(() => [{}, (job) => job.removeUnprocessedChildren()])],
  [1, 'removeChildDependency', onJob(() => [{}, (job) => job.removeChildDependency()])],
  [1, 'extendLock', onActive(() => [{}, (job, token) => job.extendLock(token, 600_000)], true)],
  [2, 'pause', onQueue((queue) => queue.pause())],
  [3, 'resume', onQueue((queue) => queue.resume())],
  [1, 'setGlobalConcurrency', onQueue((queue) => queue.setGlobalConcurrency(2))],
  [1, 'removeGlobalConcurrency', onQueue((queue) => queue.removeGlobalConcurrency())],
  [1, 'setGlobalRateLimit', onQueue((queue) => queue.setGlobalRateLimit(2, 600_000))],
  [2, 'removeGlobalRateLimit', onQueue(async (queue) => [await queue.removeGlobalRateLimit(), await queue.removeRateLimitKey()])],
  [1, 'rateLimit', onQueue((queue) => queue.rateLimit(600_000))],
  [1, 'drain', (chance) => {
    const [queue, delayed] = [chance.of(QUEUES), chance.maybe(0.5, true) ?? false];
    return [{ queue, delayed }, (side) => side.queues[queue].drain(delayed)];
  }],
  [2, 'clean', (chance) => {
    const [queue, state, limit] = [chance.of(QUEUES), chance.of(['completed', 'failed', 'wait', 'delayed', 'prioritized', 'active', 'paused']), chance.of([0, 1, 2])];
    return [{ queue, state, limit }, (side) => side.queues[queue].clean(0, limit, state)];
  }],
  [1, 'retryJobs', (chance) => {
    const [queue, state, count] = [chance.of(QUEUES), chance.of(['failed', 'completed']), chance.of([1, 1000])];
    return [{ queue, state, count }, (side) => side.queues[queue].retryJobs({ state, count })];
  }],
  [1, 'promoteJobs', onQueue((queue) => queue.promoteJobs({ count: 2 }))],
  [1, 'obliterate', (chance) => {
    const [queue, force] = [chance.of(QUEUES), chance.maybe(0.3, true) ?? false];
    return [{ queue, force }, (side) => side.queues[queue].obliterate({ force, count: 3 })];
  }],
  [1, 'removeOrphanedJobs', (chance) => {
    const queue = chance.of(QUEUES);
    // Stock takes `metrics:failed` for a job's and deletes it; ours keeps it (`mended/jobs.test.mjs`).
    return [{ queue }, async (side) => ((await side.redis.exists(`bull:${queue}:metrics:failed`)) ? 'skipped' : side.queues[queue].removeOrphanedJobs())];
  }],
  [1, 'removeDeduplicationKey', onQueue((queue) => queue.removeDeduplicationKey('d1'))],
  [3, 'stall', (chance, walk) => {
    const [queue, index] = [chance.of(QUEUES), chance.below(Math.max(1, walk.activeCount()))];
    return [{ queue, index }, async (side) => {
      const entry = side.active[index];
      if (entry && entry.queue === queue) await side.redis.del(`bull:${queue}:${entry.id}:lock`);
      await side.redis.del(`bull:${queue}:stalled-check`);
      return side.workers[queue].backend.moveStalledJobsToWait();
    }];
  }],
  [1, 'extendLocks', (_, walk) => [{}, (side) => {
    const entries = side.active.filter(({ queue }) => queue === 'q');
    return side.workers.q.backend.extendLocks(entries.map(({ id }) => id), entries.map(({ token }, n) => (n % 2 ? 'foreign' : token)), 600_000);
  }], (walk) => walk.activeCount() > 0],
  [4, 'read', onQueue(readEverything)],
  [2, 'read a job', onJob(() => [{}, readJob])],
  [8, 'wait', (chance, walk) => {
    const ms = chance.of([0, 1, 49, 60, 1_500, 61_000, 200_000]);
    return [{ ms }, (side) => walk.advance(side, ms)];
  }],
];

const PATTERNS = ['*/30 * * * * *', '0 * * * * *'];

/** Steps of schedulers; only in walks without `drain`, where stock loses ids when a scheduler's job waits. */
const SCHEDULING = [
  [8, 'upsertJobScheduler', (chance) => {
    const [queue, id, every] = [chance.of(QUEUES), chance.of(['s1', 's2']), chance.of([1_000, 1_500, 60_000])];
    const [repeat, template] = [
      defined({ every, limit: chance.maybe(0.3, 3), offset: chance.maybe(0.2, 100) }),
      { name: 'tick', data: { id }, opts: defined({ priority: chance.maybe(0.3, 2), attempts: chance.maybe(0.3, 2), removeOnComplete: chance.maybe(0.3, true) }) },
    ];
    return [{ queue, id, repeat, template }, async (side) => (await side.queues[queue].upsertJobScheduler(id, repeat, template))?.id];
  }],
  [6, 'upsertJobScheduler with a pattern', (chance) => {
    const [queue, id, pattern] = [chance.of(QUEUES), chance.of(['s1', 's2']), chance.of(PATTERNS)];
    const [repeat, template] = [{ pattern, ...(chance.maybe(0.3, { limit: 3 }) ?? {}) }, { name: 'tock', data: { pattern } }];
    return [{ queue, id, repeat }, async (side) => {
      // Stock would put a job that has run ahead of its time into `delayed` as well (`mended/schedulers.test.mjs`).
      if (await hasRunAhead(side, queue, id)) return 'skipped';
      return (await side.queues[queue].upsertJobScheduler(id, repeat, template))?.id;
    }];
  }],
  [5, 'run an armed job ahead of its time', (chance, walk) => {
    const [queue, id, token, pattern] = [chance.of(QUEUES), chance.of(['s1', 's2']), walk.token(), chance.maybe(0.6, chance.of(PATTERNS))];
    return [{ queue, id, pattern }, async (side) => {
      const due = await side.redis.zscore(`bull:${queue}:repeat`, id);
      const job = due && (await side.queues[queue].getJob(`repeat:${id}:${due}`));
      if (!job || !(await job.isDelayed())) return 'none';
      await job.promote();
      await job.changePriority({ lifo: true });
      const taken = await side.take(queue, token, false);
      if (!pattern || (await hasRunAhead(side, queue, id))) return taken;
      // As a job does that changes its own scheduler.
      return [taken, (await side.queues[queue].upsertJobScheduler(id, { pattern }, { name: 'tock', data: { changed: true } }))?.id];
    }];
  }],
  [3, 'removeJobScheduler', onQueue((queue) => queue.removeJobScheduler('s1'))],
  [3, 'read schedulers', onQueue(async (queue) => [await queue.getJobSchedulers(), await queue.getJobScheduler('s2'), await queue.getJobSchedulersCount()])],
];

/** Whether a job of the scheduler has finished although its slot is still to come. */
async function hasRunAhead(side, queue, scheduler) {
  const finished = await Promise.all(['completed', 'failed'].map((state) => side.redis.zrange(`bull:${queue}:${state}`, 0, -1)));
  return finished.flat().some((id) => id.startsWith(`repeat:${scheduler}:`) && Number(id.split(':')[2]) > Date.now());
}

const LOSES_WITH_SCHEDULERS = new Set(['drain', 'pause', 'obliterate', 'clean']);

export function kindsFor(walkWithSchedulers) {
  return walkWithSchedulers ? [...KINDS.filter(([, name]) => !LOSES_WITH_SCHEDULERS.has(name)), ...SCHEDULING] : KINDS;
}

/** A step on one of the jobs that were taken; it is finished by it unless `stays`. */
function onActive(make, stays = false) {
  const step = (chance, walk) => {
    const index = chance.below(walk.activeCount());
    const [description, act] = make(chance);
    const play = stays
      ? (side) => act(side.active[index].job, side.active[index].token)
      : (side) => side.finish(index, act);
    return [{ index, ...description }, play];
  };
  step.needsActive = true;
  return step;
}

/** A step on a job that exists, whatever its state. */
function onJob(make) {
  return (chance, walk) => {
    const { queue, id } = walk.anyJob(chance);
    const [description, act] = make(chance);
    return [{ queue, id, ...description }, async (side) => {
      const job = await side.queues[queue].getJob(id);
      return job ? act(job, side) : 'no such job';
    }];
  };
}

function onQueue(act) {
  return (chance) => {
    const queue = chance.of(QUEUES);
    return [{ queue }, (side) => act(side.queues[queue])];
  };
}

async function readEverything(queue) {
  const states = ['active', 'completed', 'delayed', 'failed', 'paused', 'prioritized', 'waiting', 'waiting-children'];
  const ids = (jobs) => jobs.map((job) => job && [job.id, job.name, job.attemptsMade, job.timestamp]);
  return {
    counts: await queue.getJobCounts(),
    perPriority: await queue.getCountsPerPriority([0, 1, 2, 5]),
    dueNow: await queue.getDelayedCount(Date.now()),
    newest: ids(await queue.getJobs(states, 0, 4, false)),
    oldest: ids(await queue.getJobs(states, 1, 3, true)),
    waiting: ids(await queue.getWaiting(0, 2)),
    maxed: await queue.isMaxed(),
    limited: (await queue.getRateLimitTtl(2)) > 0,
    metrics: await queue.getMetrics('completed'),
  };
}

async function readJob(job) {
  return {
    state: await job.getState(),
    finished: await job.backend.isFinished(job.id, true),
    children: await job.getDependenciesCount(),
    pages: await job.getDependencies({ processed: { count: 2 }, unprocessed: { count: 2 } }),
    values: await job.getChildrenValues(),
    ignored: await job.getIgnoredChildrenFailures(),
    waiting: await job.isWaiting(),
    inParent: job.parentKey ?? null,
  };
}

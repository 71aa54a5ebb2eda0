// What can be done to a job and to its queue: each is called with a side and a job that is in some state.
import { NOW, TOKEN, failure } from './states.mjs';

const CLEANED = ['wait', 'active', 'delayed', 'prioritized', 'completed', 'failed', 'paused'];

/** A method of the job. */
const onJob = (act) => (_side, job) => act(job);

/** A method of its queue. */
const onQueue = (act) => (side, job) => act(side.queues.q, job);

async function cleanAll(queue, grace, limit) {
  const removed = [];
  for (const state of CLEANED) removed.push(await queue.clean(grace, limit, state));
  return removed;
}

/** A job taken by `fetch`, without what the worker makes of it. */
const fetched = (reply) => (Array.isArray(reply) ? reply.slice(1) : reply);

async function everyState(job) {
  const names = ['getState', 'isActive', 'isWaiting', 'isWaitingChildren', 'isDelayed', 'isFailed', 'isCompleted', 'getDependencies', 'getDependenciesCount', 'getChildrenValues', 'getIgnoredChildrenFailures'];
  const seen = {};
  for (const name of names) seen[name] = await job[name]().catch((error) => error.message);
  return seen;
}

export const METHODS = {
  moveToCompleted: onJob((job) => job.moveToCompleted('v', TOKEN, false)),
  'moveToCompleted, fetching': onJob(async (job) => fetched(await job.moveToCompleted('v', TOKEN, true))),
  'moveToCompleted with nothing': onJob((job) => job.moveToCompleted(undefined, TOKEN, false)),
  'moveToCompleted, another token': onJob((job) => job.moveToCompleted('v', 'foreign', true)),
  'moveToCompleted without a lock': onJob(async (job) => fetched(await job.moveToCompleted('v', '0', true))),
  moveToFailed: onJob((job) => job.moveToFailed(failure('e'), TOKEN, false)),
  'moveToFailed, fetching': onJob(async (job) => fetched(await job.moveToFailed(failure('e'), TOKEN, true))),
  'moveToFailed for good': onJob((job) => job.moveToFailed(failure('e', 'UnrecoverableError'), TOKEN, false)),
  'moveToFailed, another token': onJob((job) => job.moveToFailed(failure('e'), 'foreign', true)),
  'moveToFailed without a lock': onJob(async (job) => fetched(await job.moveToFailed(failure('e'), '0', true))),
  moveToDelayed: onJob((job) => job.moveToDelayed(NOW + 1_000, TOKEN)),
  'moveToDelayed until now': onJob((job) => job.moveToDelayed(NOW, TOKEN)),
  'moveToDelayed, another token': onJob((job) => job.moveToDelayed(NOW + 1_000, 'foreign')),
  'moveToDelayed without a lock': onJob((job) => job.moveToDelayed(NOW + 1_000, '0')),
  moveToWait: onJob((job) => job.moveToWait(TOKEN)),
  'moveToWait, another token': onJob((job) => job.moveToWait('foreign')),
  'moveToWait without a lock': onJob((job) => job.moveToWait('0')),
  moveToWaitingChildren: onJob((job) => job.moveToWaitingChildren(TOKEN)),
  'moveToWaitingChildren, another token': onJob((job) => job.moveToWaitingChildren('foreign')),
  'moveToWaitingChildren without a lock': onJob((job) => job.moveToWaitingChildren('0')),
  'moveToWaitingChildren for one': onJob((job) => job.moveToWaitingChildren(TOKEN, { child: { id: 'c1', queue: 'bull:q' } })),
  'moveToWaitingChildren for a stranger': onJob((job) => job.moveToWaitingChildren(TOKEN, { child: { id: 'c9', queue: 'bull:q' } })),
  'retry failed': onJob((job) => job.retry('failed')),
  'retry completed': onJob((job) => job.retry('completed')),
  'retry failed anew': onJob((job) => job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })),
  'retry completed anew': onJob((job) => job.retry('completed', { resetAttemptsMade: true, resetAttemptsStarted: true })),
  promote: onJob((job) => job.promote()),
  changeDelay: onJob((job) => job.changeDelay(4_321)),
  'changeDelay to none': onJob((job) => job.changeDelay(0)),
  changePriority: onJob((job) => job.changePriority({ priority: 3 })),
  'changePriority to none': onJob((job) => job.changePriority({ priority: 0 })),
  'changePriority to none, lifo': onJob((job) => job.changePriority({ priority: 0, lifo: true })),
  'changePriority, lifo': onJob((job) => job.changePriority({ priority: 5, lifo: true })),
  updateData: onJob((job) => job.updateData({ b: [] })),
  updateProgress: onJob((job) => job.updateProgress({ p: 1 })),
  'updateProgress to false': onJob((job) => job.updateProgress(false)),
  log: onJob(async (job) => [await job.log('one'), await job.log('two'), await job.log('three'), await job.clearLogs(1)]),
  extendLock: onJob((job) => job.extendLock(TOKEN, 600_000)),
  'extendLock, another token': onJob((job) => job.extendLock('foreign', 600_000)),
  remove: onJob((job) => job.remove()),
  'remove without children': onJob((job) => job.remove({ removeChildren: false })),
  removeChildDependency: onJob((job) => job.removeChildDependency()),
  removeUnprocessedChildren: onJob((job) => job.removeUnprocessedChildren()),
  removeDeduplicationKey: onJob((job) => job.removeDeduplicationKey()),
  'read the job': onJob(everyState),
  'queue: remove': onQueue((queue, job) => queue.remove(job.id)),
  'queue: remove without children': onQueue((queue, job) => queue.remove(job.id, { removeChildren: false })),
  'queue: drain': onQueue((queue) => queue.drain()),
  'queue: drain, the delayed too': onQueue((queue) => queue.drain(true)),
  'queue: clean': onQueue((queue) => cleanAll(queue, -1, 0)),
  'queue: clean one': onQueue((queue) => cleanAll(queue, 0, 1)),
  'queue: clean, none old enough': onQueue((queue) => cleanAll(queue, 5_000, 10)),
  'queue: retryJobs': onQueue((queue) => queue.retryJobs()),
  'queue: retryJobs, completed': onQueue((queue) => queue.retryJobs({ state: 'completed', count: 1 })),
  'queue: retryJobs of before': onQueue((queue) => queue.retryJobs({ timestamp: NOW - 1 })),
  'queue: promoteJobs': onQueue((queue) => queue.promoteJobs()),
  'queue: obliterate': onQueue((queue) => queue.obliterate()),
  'queue: obliterate by force': onQueue((queue) => queue.obliterate({ force: true })),
  'queue: removeOrphanedJobs': async (side) => {
    // Stock takes them for what is left of a job (`mended/jobs.test.mjs`).
    await side.redis.del('bull:q:metrics:failed');
    return side.queues.q.removeOrphanedJobs();
  },
  'queue: add the id again': onQueue(async (queue) => (await queue.add('again', {}, { jobId: 'x' })).id),
  'queue: add the id again as a child': onQueue(async (queue) => {
    await queue.add('parent', {}, { jobId: 'new' });
    return (await queue.add('again', {}, { jobId: 'x', parent: { id: 'new', queue: 'bull:q' } })).id;
  }),
  'queue: add instead of it': onQueue(async (queue) => (await queue.add('again', {}, { jobId: 'z', deduplication: { id: 'd', replace: true } })).id),
  'queue: count and list': onQueue(async (queue) => ({
    counts: [await queue.count(), await queue.getJobCounts(), await queue.getCountsPerPriority([0, 3, 5]), await queue.getJobCountByTypes('wait', 'paused', 'delayed')],
    listed: (await queue.getJobs()).map((job) => job?.id),
    beyond: (await queue.getJobs(['waiting'], 10, 12, true)).length,
  })),
  'flow: with it as a child': async (side) => {
    const children = [{ name: 'again', queueName: 'q', opts: { jobId: 'x' } }];
    return (await side.flow.add({ name: 'parent', queueName: 'p', opts: { jobId: 'new' }, children })).job.getState();
  },
  'flow: with it as the parent': async (side) => {
    const children = [{ name: 'again', queueName: 'p', opts: { jobId: 'c2' } }];
    return (await side.flow.add({ name: 'parent', queueName: 'q', opts: { jobId: 'x' }, children })).job.getState();
  },
  'worker: take the next': async (side) => {
    const job = await side.workers.q.getNextJob('next', { block: false });
    return job && [job.id, job.attemptsStarted, job.attemptsMade, job.processedOn, job.deferredFailure];
  },
};

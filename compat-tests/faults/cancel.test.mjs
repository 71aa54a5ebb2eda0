// Jobs of stock apps, cancelled by bullrs: what the app, its flows and its listeners see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { startWorker } from '../lib/fleet.mjs';
import { Lab } from '../lib/redis.mjs';
import { bullrs } from '../lib/rust.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock, stockVersion } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const skip = againstStock && 'about what bullrs does';

/** `bullrs job cancel` as a user types it; resolves to its exit code and what it printed. */
async function cancel(database, queue, id, ...flags) {
  const { code, stdout, stderr } = await bullrs(['job', 'cancel', queue, id, '--redis-url', database.url, '--no-store', '--json', ...flags]);
  return { code, stderr, answer: stdout && JSON.parse(stdout) };
}

for (const version of [5, 6]) {
  const app = `app on bullmq ${stockVersion(version)}`;

  test(`a job in every state in which it can wait (${app})`, { timeout: 60_000, skip }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(version), database);
    const queue = await kit.queue();
    await queue.add('x', {}, { jobId: 'is-waiting' });
    await queue.add('x', {}, { jobId: 'is-delayed', delay: 900_000, attempts: 4 });
    await queue.add('x', {}, { jobId: 'is-prioritized', priority: 5 });
    await queue.add('x', {}, { jobId: 'deduplicated', deduplication: { id: 'once' } });
    await queue.add('x', {}, { jobId: 'is-removed', removeOnFail: true });
    for (const id of ['is-waiting', 'is-delayed', 'is-prioritized', 'deduplicated']) {
      assert.deepEqual(await cancel(database, 'q', id, '--reason', 'closed'), { code: 0, stderr: '', answer: { queue: 'q', id, outcome: 'cancelled', state: 'failed' } });
      const job = await queue.getJob(id);
      assert.equal(await job.getState(), 'failed');
      assert.equal(job.failedReason, 'cancelled: closed');
      assert.deepEqual(job.stacktrace, ['cancelled: closed']);
      assert.equal(job.attemptsMade, 0);
      assert.ok(job.finishedOn > 0);
      const events = (await kit.events('q')).filter(({ jobId }) => jobId === id);
      const { event, failedReason, prev } = events.at(-1);
      assert.deepEqual({ event, failedReason, prev }, { event: 'failed', failedReason: 'cancelled: closed', prev: id === 'deduplicated' ? 'waiting' : id.slice(3) });
    }
    // Its window is over with it, as when it fails in a worker.
    await queue.add('x', {}, { jobId: 'second', deduplication: { id: 'once' } });
    assert.equal((await queue.getJob('second')).id, 'second');
    assert.equal((await cancel(database, 'q', 'is-removed')).answer.state, 'unknown');
    assert.equal(await queue.getJob('is-removed'), undefined);

    // What was cancelled may be retried like any other failed job.
    await (await queue.getJob('is-delayed')).retry();
    assert.equal(await (await queue.getJob('is-delayed')).getState(), 'waiting');
    await kit.close();
  });

  test(`a paused queue (${app})`, { timeout: 60_000, skip }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(version), database);
    const queue = await kit.queue();
    await queue.add('x', {}, { jobId: 'one' });
    await queue.pause();
    await queue.add('x', {}, { jobId: 'two' });
    for (const id of ['one', 'two']) assert.equal((await cancel(database, 'q', id)).code, 0, id);
    await queue.resume();
    assert.deepEqual(await queue.getJobCounts('wait', 'paused', 'failed'), { wait: 0, paused: 0, failed: 2 });
    await kit.close();
  });

  test(`children and parents of a flow (${app})`, { timeout: 60_000, skip }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(version), database);
    const parents = await kit.queue('parents');
    const children = await kit.queue('children');
    const child = (jobId, opts) => ({ name: 'child', queueName: 'children', data: {}, opts: { jobId, ...opts } });
    const tree = (jobId, opts) => ({ name: 'parent', queueName: 'parents', data: {}, opts: { jobId }, children: [child(`${jobId}-child`, opts)] });
    await kit.flow.add(tree('fails', { failParentOnFailure: true }));
    await kit.flow.add(tree('goes-on', { ignoreDependencyOnFailure: true }));
    await kit.flow.add(tree('is-cancelled', {}));
    assert.equal((await cancel(database, 'children', 'fails-child')).code, 0);
    assert.equal((await cancel(database, 'children', 'goes-on-child')).code, 0);
    assert.deepEqual((await cancel(database, 'parents', 'is-cancelled')).answer, { queue: 'parents', id: 'is-cancelled', outcome: 'cancelled', state: 'failed' });

    const worker = startWorker({ database, queues: ['parents', 'children'], mode: 'noop', concurrency: 1 });
    try {
      await until('the parents are done', async () => {
        const { completed, failed } = await parents.getJobCounts('completed', 'failed');
        return completed + failed === 3;
      });
      await until('the last child is done', async () => (await children.getJobCounts('completed')).completed === 1);
    } finally {
      await worker.stop();
    }
    assert.equal(await (await parents.getJob('fails')).getState(), 'failed');
    assert.match((await parents.getJob('fails')).failedReason, /child .*fails-child failed/);
    assert.equal(await (await parents.getJob('goes-on')).getState(), 'completed');
    // Its child ran all the same, and did not bring it back.
    assert.equal(await (await parents.getJob('is-cancelled')).getState(), 'failed');
    assert.equal((await parents.getJob('is-cancelled')).failedReason, 'cancelled: on request');
    await kit.close();
  });

  test(`a job that a worker of bullrs runs, and one of a stock worker (${app})`, { timeout: 60_000, skip }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(version), database);
    const queue = await kit.queue();
    await queue.add('x', {}, { jobId: 'ours', attempts: 3 });
    const worker = startWorker({ database, queues: ['q'], mode: 'sleep:600000', concurrency: 1 });
    try {
      await kit.emitted('q', 'active');
      assert.deepEqual((await cancel(database, 'q', 'ours', '--reason', 'enough', '--wait', '15s')).answer, { queue: 'q', id: 'ours', outcome: 'cancelled', state: 'failed' });
      const job = await queue.getJob('ours');
      assert.deepEqual([job.failedReason, job.attemptsMade], ['cancelled: enough', 1]);
    } finally {
      await worker.stop();
    }

    await queue.add('x', {}, { jobId: 'theirs' });
    const { Worker } = stock(version);
    let finish;
    const node = new Worker('q', () => new Promise((resolve) => { finish = resolve; }), { connection: database.connection });
    try {
      await until('the stock worker runs it', () => finish);
      const { code, answer } = await cancel(database, 'q', 'theirs', '--wait', '300ms');
      assert.deepEqual([code, answer.outcome, answer.state], [1, 'requested', 'active']);
      finish('done');
      await until('it completes', async () => (await (await queue.getJob('theirs')).getState()) === 'completed');
      assert.deepEqual(await cancel(database, 'q', 'theirs'), { code: 1, stderr: '', answer: { queue: 'q', id: 'theirs', outcome: 'finished', state: 'completed' } });
    } finally {
      await node.close();
    }
    await kit.close();
  });

  test(`the next iteration of a scheduler is not cancelled (${app})`, { timeout: 60_000, skip }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(version), database);
    const queue = await kit.queue();
    const job = await queue.upsertJobScheduler('daily', { every: 86_400_000, startDate: Date.now() + 3_600_000 }, { name: 'x' });
    const { code, stderr } = await cancel(database, 'q', job.id);
    assert.equal(code, 1);
    assert.match(stderr, /next iteration of a job scheduler/);
    assert.equal(await (await queue.getJob(job.id)).getState(), 'delayed');
    await kit.close();
  });
}

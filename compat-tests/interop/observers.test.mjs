// What an app sees of a worker through stock bullmq: events, getters, flows, the list of workers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driverUnderTest } from '../lib/drivers.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock, stockVersion, VERSIONS } from '../lib/stock.mjs';
import { until, within } from '../lib/wait.mjs';

const lab = await Lab.start();
const EVENTS = ['added', 'waiting', 'active', 'progress', 'completed', 'failed', 'retries-exhausted', 'delayed', 'waiting-children', 'drained', 'stalled'];

/** Runs `body` beside a worker; everything is closed whatever happens. */
function observe(name, version, work, body) {
  test(`${name} (app on bullmq ${stockVersion(version)})`, { timeout: 60_000 }, async () => {
    const database = await lab.database();
    const kit = new Kit(stock(version), database);
    const { queues = ['q'], mode = 'echo', concurrency = 1, options = {} } = work;
    for (const queue of queues) await kit.queue(queue);
    const worker = await driverUnderTest(version).work({ database, queues, mode, concurrency, options });
    try {
      await body(kit, worker);
    } finally {
      await worker.stop();
      await kit.close();
    }
  });
}

/** QueueEvents that is connected and reads from the beginning, and everything it tells. */
async function listen(kit, queue, lastEventId = '0-0') {
  const events = new kit.stock.QueueEvents(queue, { connection: kit.database.connection, lastEventId });
  const heard = [];
  for (const name of EVENTS) events.on(name, (args) => heard.push([name, args]));
  events.on('error', (error) => heard.push(['error', String(error)]));
  await events.waitUntilReady();
  return { events, heard };
}

for (const version of VERSIONS) {
  observe('QueueEvents and waitUntilFinished of a job that works', version, {}, async (kit) => {
    const queue = await kit.queue();
    const { events, heard } = await listen(kit, 'q');
    const job = await queue.add('greet', { hello: ['wörld', 1.5, null] });
    assert.deepEqual(await job.waitUntilFinished(events, 15_000), { hello: ['wörld', 1.5, null] });
    await until('drained is heard', () => heard.some(([name]) => name === 'drained'));
    assert.deepEqual(heard, [
      ['added', { jobId: '1', name: 'greet' }],
      ['waiting', { jobId: '1' }],
      ['active', { jobId: '1', prev: 'waiting' }],
      ['completed', { jobId: '1', returnvalue: { hello: ['wörld', 1.5, null] }, prev: 'active' }],
      ['drained', heard.at(-1)[1]],
    ]);
    await events.close();
  });

  observe('QueueEvents and waitUntilFinished of a job that fails', version, { mode: 'fail:9' }, async (kit) => {
    const queue = await kit.queue();
    const { events, heard } = await listen(kit, 'q');
    const job = await queue.add('doomed', {}, { attempts: 2, backoff: 50 });
    await assert.rejects(() => job.waitUntilFinished(events, 15_000), /^Error: bench failure$/);
    await until('drained is heard', () => heard.some(([name]) => name === 'drained'));
    const due = heard.find(([name]) => name === 'delayed')[1].delay;
    assert.ok(Math.abs(due - Date.now()) < 15_000, `the delayed event names an instant, got ${due}`);
    assert.deepEqual(heard.map(([name, args]) => [name, args.prev ?? args.failedReason ?? args.attemptsMade ?? null]), [
      ['added', null],
      ['waiting', null],
      ['active', 'waiting'],
      ['delayed', null],
      ['waiting', 'delayed'],
      ['active', 'waiting'],
      ['failed', 'active'],
      ['retries-exhausted', '2'],
      ['drained', null],
    ]);
    assert.equal(heard.find(([name]) => name === 'failed')[1].failedReason, 'bench failure');
    await events.close();
  });

  observe('QueueEvents that was there before the first event', version, {}, async (kit) => {
    const queue = await kit.queue();
    const { events, heard } = await listen(kit, 'q', '$');
    await until('a completed job is heard', async () => {
      await queue.add('again', {});
      return heard.some(([name]) => name === 'completed');
    });
    assert.deepEqual(heard.filter(([name]) => name === 'error'), []);
    await events.close();
  });

  observe('the getters of a queue and of a job', version, { mode: 'fail:1', options: { name: 'w-1', metrics: true } }, async (kit) => {
    const queue = await kit.queue();
    await queue.add('first', { n: 1 }, { attempts: 2 });
    await queue.add('second', { n: 2 });
    await queue.add('later', { n: 3 }, { delay: 3_600_000 });
    await kit.emitted('q', 'completed');
    await kit.emitted('q', 'failed');
    await until('nothing is active', async () => (await queue.getActiveCount()) === 0);

    const first = await queue.getJob('1');
    assert.equal(await first.getState(), 'completed');
    assert.equal(first.returnvalue, null);
    assert.equal(first.attemptsMade, 2);
    assert.equal(first.attemptsStarted, 2);
    assert.equal(first.processedBy, 'w-1');
    assert.equal(first.failedReason, 'bench failure');
    assert.equal(first.stacktrace.length, 1);
    assert.ok(first.timestamp <= first.processedOn && first.processedOn <= first.finishedOn);

    const second = await queue.getJob('2');
    assert.equal(await second.getState(), 'failed');
    assert.equal(await second.isFailed(), true);
    assert.equal(second.failedReason, 'bench failure');
    assert.equal(second.attemptsMade, 1);
    assert.equal(second.finishedOn > 0, true);

    const counts = await queue.getJobCounts('wait', 'active', 'completed', 'failed', 'delayed', 'prioritized', 'waiting-children');
    assert.deepEqual(counts, { wait: 0, active: 0, completed: 1, failed: 1, delayed: 1, prioritized: 0, 'waiting-children': 0 });
    assert.deepEqual((await queue.getCompleted()).map(({ id }) => id), ['1']);
    assert.deepEqual((await queue.getFailed()).map(({ id }) => id), ['2']);
    assert.deepEqual((await queue.getDelayed()).map(({ id }) => id), ['3']);
    assert.deepEqual((await queue.getJobLogs('1')).logs, []);
    assert.equal((await queue.getMetrics('completed')).meta.count, 1);
    assert.equal((await queue.getMetrics('failed')).meta.count, 1);
  });

  observe('a flow, as the app reads it', version, { queues: ['parents', 'children'], mode: 'fail:1' }, async (kit) => {
    await kit.queue('parents');
    const { events } = await listen(kit, 'parents');
    const child = (jobId, opts) => ({ name: 'child', queueName: 'children', data: {}, opts: { jobId, ...opts } });
    const { job } = await kit.flow.add({
      name: 'parent',
      queueName: 'parents',
      opts: { jobId: 'parent', attempts: 2 },
      children: [child('good', { attempts: 2 }), child('bad', { ignoreDependencyOnFailure: true })],
    });
    assert.equal(await job.waitUntilFinished(events, 15_000), null);
    assert.deepEqual(await job.getChildrenValues(), { 'bull:children:good': null });
    assert.deepEqual(await job.getIgnoredChildrenFailures(), { 'bull:children:bad': 'bench failure' });
    assert.deepEqual(await job.getDependenciesCount(), { processed: 1, unprocessed: 0, ignored: 1, failed: 0 });
    const tree = await kit.flow.getFlow({ id: 'parent', queueName: 'parents' });
    assert.deepEqual(tree.children.map(({ job: { id } }) => id).sort(), ['bad', 'good']);
    await events.close();
  });

  observe('the list of workers', version, { queues: ['q', 'ünï côdé'], options: { name: 'named-1' } }, async (kit, worker) => {
    for (const name of ['q', 'ünï côdé']) {
      const queue = await kit.queue(name);
      const [found, ...others] = await until(`${name} has a worker`, async () => {
        const workers = await queue.getWorkers();
        return workers.length > 0 && workers;
      });
      assert.equal(others.length, 0, 'one connection per worker carries its name');
      assert.equal(found.name, name);
      assert.equal(found.rawname, `bull:${Buffer.from(name).toString('base64')}:w:named-1`);
      assert.equal(await queue.getWorkersCount(), 1);
    }
    await worker.stop();
    worker.stop = async () => {};
    await until('the list is empty', async () => (await (await kit.queue()).getWorkers()).length === 0);
  });

  observe('a retry by the app of a job that was removed meanwhile', version, { mode: 'fail:1' }, async (kit) => {
    const queue = await kit.queue();
    const job = await queue.add('gone', {}, { removeOnFail: true });
    await kit.emitted('q', 'failed');
    await assert.rejects(() => job.retry(), /Missing key for job 1\. reprocessJob/);
  });

  observe('many callers that wait at once', version, { concurrency: 20 }, async (kit) => {
    const queue = await kit.queue();
    const { events } = await listen(kit, 'q');
    events.setMaxListeners(0);
    queue.setMaxListeners(0);
    const jobs = await queue.addBulk(Array.from({ length: 200 }, (_, n) => ({ name: 'awaited', data: { n } })));
    const results = await within('all 200 are finished', Promise.all(jobs.map((job) => job.waitUntilFinished(events))), 30_000);
    assert.deepEqual(results, jobs.map(({ data }) => data));
    await events.close();
  });
}

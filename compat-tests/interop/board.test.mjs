// Bull Board over HTTP, as shipped: what it shows of a bullrs worker, and what its buttons do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBoard } from '../../demo/board.mjs';
import { stockDriver } from '../drivers/stock.mjs';
import { driverUnderTest } from '../lib/drivers.mjs';
import { Lab } from '../lib/redis.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const PAGES = [
  '/api/queues?activeQueue=q&status=latest&page=1&jobsPerPage=20',
  '/api/queues?activeQueue=q&status=completed&page=1&jobsPerPage=20',
  '/api/queues?activeQueue=q&status=failed&page=1&jobsPerPage=20',
  '/api/queues?activeQueue=parents&status=latest&page=1&jobsPerPage=20',
  '/api/queues/q/ok',
  '/api/queues/q/bad',
  '/api/queues/q/ok/logs',
  '/api/queues/q/metrics',
  '/api/queues/q/workers',
  '/api/queues/parents/parent/flow',
  '/api/job-schedulers',
];

async function withBoard(driver, body) {
  const database = await lab.database();
  const kit = new Kit(stock(6), database);
  const queues = [await kit.queue('q'), await kit.queue('parents')];
  const worker = await driver.work({ database, queues: ['q', 'parents'], mode: 'fail:1', concurrency: 1, options: { name: 'w-1', metrics: true } });
  const board = await startBoard(queues);
  try {
    return await body({ kit, board, queue: queues[0] });
  } finally {
    await board.close();
    await worker.stop();
    await kit.close();
  }
}

/** A little of everything, done by the worker; resolves when it is all settled. */
async function fill(kit, queue) {
  const ok = await queue.add('ok', { n: 1 }, { jobId: 'ok', attempts: 2, removeOnComplete: { age: 3_600 } });
  await ok.log('a row').catch(() => {});
  await queue.add('bad', { n: 2 }, { jobId: 'bad' });
  await queue.add('later', {}, { jobId: 'later', delay: 3_600_000, priority: 3 });
  await queue.upsertJobScheduler('hourly', { every: 3_600_000 }, { name: 'tick', opts: { attempts: 2 } });
  await kit.flow.add({ name: 'parent', queueName: 'parents', opts: { jobId: 'parent', attempts: 2 }, children: [{ name: 'child', queueName: 'q', opts: { jobId: 'child', attempts: 2 } }] });
  await kit.emitted('q', 'completed', 3);
  await kit.emitted('q', 'failed', 1);
  await kit.emitted('parents', 'completed', 1);
}

/** What a page says, without clock readings, the text of stacks, and what tells one connection from another. */
function settled(page, from, to) {
  const walk = (value, name) => {
    if (Array.isArray(value)) return name === 'stacktrace' ? value.length : value.map((item) => walk(item));
    if (value !== null && typeof value === 'object') {
      const kept = Object.entries(value).filter(([field]) => !['addr', 'age'].includes(field) && !(field === 'id' && 'addr' in value));
      return Object.fromEntries(kept.map(([field, item]) => [field, walk(item, field)]));
    }
    const isTime = (at) => at >= from && at <= to + 3_600_000;
    if (typeof value === 'number') return isTime(value) ? 'an instant' : name === 'delay' && value > 0 ? 'a while' : value;
    if (typeof value === 'string') return value.replaceAll(/\d{13}/g, (at) => (isTime(Number(at)) ? 'an instant' : at));
    return value;
  };
  return walk(page);
}

async function pages(driver) {
  return withBoard(driver, async ({ kit, board, queue }) => {
    const from = Date.now();
    await fill(kit, queue);
    const shown = {};
    for (const page of PAGES) {
      const response = await fetch(board.url + page);
      assert.equal(response.status, 200, page);
      shown[page] = settled(await response.json(), from, Date.now());
    }
    return shown;
  });
}

test('every page shows what it shows of a stock worker', { timeout: 60_000 }, async () => {
  const theirs = await pages(stockDriver(6));
  const ours = await pages(driverUnderTest(6));
  for (const page of PAGES) assert.deepEqual(sortJobs(ours[page]), sortJobs(theirs[page]), page);
});

/** Jobs of one millisecond come in no order. */
function sortJobs(page) {
  if (!page.queues) return page;
  const byId = (a, b) => (a.id < b.id ? -1 : 1);
  return { ...page, queues: page.queues.map((queue) => ({ ...queue, jobs: [...queue.jobs].sort(byId) })) };
}

test('its buttons work on jobs that bullrs left', { timeout: 60_000 }, async () => {
  await withBoard(driverUnderTest(6), async ({ kit, board, queue }) => {
    const press = async (path, body) => {
      const response = await fetch(`${board.url}/api/queues/q/${path}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
      assert.ok(response.ok, `${path}: ${response.status} ${await response.text()}`);
    };
    await fill(kit, queue);

    await press('bad/retry');
    await until('the failed job is completed', async () => (await queue.getJobState('bad')) === 'completed');
    assert.equal((await queue.getJob('bad')).attemptsMade, 2);

    await press('later/promote');
    await until('the delayed job ran, and failed at its only attempt', async () => (await queue.getJobState('later')) === 'failed');

    await press('later/clean');
    assert.equal(await queue.getJob('later'), undefined);

    await press('pause');
    const held = await queue.add('held', {}, { attempts: 2 });
    assert.equal(await held.getState(), 'waiting');
    await press('resume');
    await until('the held job is completed', async () => (await held.getState()) === 'completed');
  });
});

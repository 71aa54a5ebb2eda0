// How many commands a script runs for a job: what decides its cost, and exact on every machine, unlike a time. And how
// much one call does at most, which keeps Redis free for its other clients.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';

const { pack } = createRequire(createRequire(import.meta.url).resolve('bullmq6'))('msgpackr');
const P = 'bull:q:';
const NOW = '1700000001000';
const skip = againstStock && 'stock has no batches';

const lab = await Lab.start();
const client = lab.connect();
const shas = {};

before(async () => {
  const folder = await exportScripts();
  for (const file of readdirSync(folder)) {
    shas[file.replace(/-\d+\.lua$/, '')] = await client.script('LOAD', readFileSync(join(folder, file), 'utf8'));
  }
});

const call = (script, keys, ...args) => client.evalsha(shas[script], keys.length, ...keys, ...args);
const keys = (...names) => names.map((name) => P + name);

/** `settle` is the groups of outcomes. */
const finishAndClaim = (wanted, ...settle) => call('finishAndClaim', [P], NOW, wanted, 'w', 0, 30000, 0, '', ...settle);

/** Starts anew with `count` jobs that are ready. */
async function fill(count, { priority = 0 } = {}) {
  await client.flushdb();
  const all = client.pipeline().hset(`${P}meta`, 'opts.maxLenEvents', '10000', 'version', 'bullmq:6.7.0');
  for (let id = 1; id <= count; id += 1) {
    all.hset(P + id, 'name', 'job', 'data', '{}', 'opts', '{}', 'timestamp', '1', 'delay', '0', 'priority', String(priority));
    if (priority === 0) all.lpush(`${P}wait`, id);
    else all.zadd(`${P}prioritized`, priority * 4294967296 + id, id);
  }
  await all.exec();
}

/** Runs `body` and resolves to how many commands scripts ran meanwhile. */
async function counted(body) {
  await client.config('RESETSTAT');
  await body();
  const stats = await client.info('commandstats');
  let commands = 0;
  for (const [, name, calls] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (!/^(evalsha|info|config)/.test(name)) commands += Number(calls);
  }
  return commands;
}

/** Claims `count` jobs, then counts the call that settles them all and claims as many. */
async function batch(count, kind, rule, outcome, setting = {}) {
  await fill(3 * count, setting);
  const [, claims] = await finishAndClaim(count);
  assert.equal(claims.length, count);
  const settle = claims.flatMap(([id], i) => [id, `w:${i}`, ...outcome]);
  return counted(async () => {
    const [codes, next] = await finishAndClaim(count, kind, rule, count, ...settle);
    assert.deepEqual([codes, next.length], [[], count]);
  });
}

const completed = ['null'];
const reason = ['boom', pack(['stacktrace', '["Error"]'])];
for (const [name, most, run] of [
  ['one completed and removed, one claimed', 16, () => batch(1, 'completed', '0', completed)],
  ['one completed and kept, one claimed', 18, () => batch(1, 'completed', '-1', completed)],
  ['10 completed and removed, 10 claimed', 72, () => batch(10, 'completed', '0', completed)],
  ['50 completed and removed, 50 claimed', 312, () => batch(50, 'completed', '0', completed)],
  ['50 completed and kept, 50 claimed', 363, () => batch(50, 'completed', '-1', completed)],
  ['50 completed, the newest 1000 kept', 364, () => batch(50, 'completed', '1000', completed)],
  ['50 prioritized ones completed and claimed', 314, () => batch(50, 'completed', '0', completed, { priority: 3 })],
  ['50 failed for good, 50 claimed', 462, () => batch(50, 'failed', pack({ keepJobs: { count: -1 }, attempts: 1 }), reason)],
  ['50 failed and delayed, 50 claimed', 414, () => batch(50, 'delayed', pack({ skipAttempt: 0 }), ['1000', reason[1]])],
  ['50 failed and retried at once, 50 claimed', 413, () => batch(50, 'retry', '', ['LPUSH', reason[1]])],
]) {
  test(`${name}: ${most} commands`, { skip }, async () => {
    const commands = await run();
    assert.ok(commands <= most, `${commands} commands, there were ${most}`);
    assert.ok(commands > most - 3, `only ${commands} commands: lower the bound of this test`);
  });
}

test('a stock worker on our scripts costs no more commands than on its own', { skip }, async () => {
  const scripts = Object.values(createRequire(import.meta.url)('bullmq6/dist/cjs/scripts'));
  const theirs = await client.script('LOAD', scripts.find(({ name }) => name === 'moveToFinished').content);
  const cost = async (sha) => {
    await fill(3);
    const options = pack({ token: 't', lockDuration: 30000, keepJobs: { count: 0 }, attempts: 1, maxMetricsSize: '' });
    const active = keys('wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'marker');
    await call('moveToActive', active, P, NOW, options);
    const finished = keys('wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'completed', '1', 'metrics:completed', 'marker');
    return counted(() => client.evalsha(sha, finished.length, ...finished, '1', NOW, 'returnvalue', 'null', 'completed', '1', P, options, ''));
  };
  const [stock, ours] = [await cost(theirs), await cost(shas.moveToFinished)];
  assert.ok(ours <= 16 && ours < stock, `ours ${ours}, stock ${stock}`);
});

test('the commands for a job do not grow with what waits, is delayed or completed', { skip }, async () => {
  const cost = async (count) => {
    await fill(30);
    const all = client.pipeline();
    for (let first = 0; first < count; first += 1000) {
      const ids = Array.from({ length: 1000 }, (_, i) => `o${first + i}`);
      all.lpush(`${P}wait`, ...ids).zadd(`${P}completed`, ...ids.flatMap((id) => [1, id])).zadd(`${P}delayed`, ...ids.flatMap((id) => [9e15, id]));
    }
    await all.exec();
    const [, claims] = await finishAndClaim(10);
    return counted(() => finishAndClaim(10, 'completed', '-1', 10, ...claims.flatMap(([id], i) => [id, `w:${i}`, 'null'])));
  };
  assert.equal(await cost(50_000), await cost(1_000));
});

test('one call removes at most 2500 old jobs', { skip }, async () => {
  await fill(2);
  const ids = Array.from({ length: 4000 }, (_, i) => `o${i}`);
  await client.zadd(`${P}completed`, ...ids.flatMap((id) => [1, id]));
  const [, [[id]]] = await finishAndClaim(1);
  await finishAndClaim(1, 'completed', '100', 1, id, 'w:0', 'null');
  assert.equal(await client.zcard(`${P}completed`), 4001 - 2500);
  await finishAndClaim(0, 'completed', pack({ keepJobs: { age: 1, limit: 100_000 } }), 1, '2', 'w:0', 'null');
  assert.equal(await client.zcard(`${P}completed`), 2);
});

test('one call makes at most 1000 due jobs ready, and the next goes on', { skip }, async () => {
  await fill(0);
  const ids = Array.from({ length: 1500 }, (_, i) => `d${i}`);
  await client.zadd(`${P}delayed`, ...ids.flatMap((id, i) => [i + 1, id]));
  for (const left of [500, 0, 0]) {
    await finishAndClaim(1);
    assert.equal(await client.zcard(`${P}delayed`), left);
  }
  assert.deepEqual((await client.lrange(`${P}active`, 0, -1)).reverse(), ids.slice(0, 3));
});

test('a stalled check takes 500 jobs, and the next goes on at once', { skip }, async () => {
  await fill(0);
  const ids = Array.from({ length: 1200 }, (_, i) => `s${i}`);
  await client.lpush(`${P}active`, ...ids);
  await client.sadd(`${P}stalled`, ...ids);
  const stalled = keys('stalled', 'wait', 'active', 'stalled-check', 'meta', 'paused', 'marker', 'events', 'repeat');
  const found = [];
  for (const [count, waiting] of [[500, 500], [500, 1000], [200, 1200], [0, 1200]]) {
    const recovered = await call('moveStalledJobsToWait', stalled, '1', P, NOW, '30000');
    assert.deepEqual([recovered.length, await client.llen(`${P}wait`)], [count, waiting]);
    found.push(...recovered);
  }
  assert.deepEqual([found.sort(), await client.llen(`${P}active`)], [[...ids].sort(), 0]);
});

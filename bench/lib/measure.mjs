// One measurement of one peer in one case, on a private Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import { stopChild } from '../../tasks/children.mjs';
import { PrivateRedis } from '../../tasks/servers.mjs';
import { fill, release } from './backlog.mjs';
import { longestCommand, machineCpu, processCpu, processMemory, redisCost } from './machine.mjs';
import { startPeer } from './peers.mjs';
import { Redis } from './redis.mjs';
import { finalState } from './state.mjs';

const DEADLINE_MS = 180_000;
const POLL_MS = 20;

const queuesOf = (count) => Array.from({ length: count }, (_, i) => (count === 1 ? 'bench' : `bench${i}`));

/** Runs `body(server, client)` on a Redis of its own. */
async function onRedis(body) {
  const server = await PrivateRedis.start();
  const client = Redis(server.url);
  try {
    return await body(server, client);
  } finally {
    client.disconnect();
    await server.stop();
  }
}

async function until(what, reached, child) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await reached();
    if (found) return found;
    if (child && (child.exitCode !== null || child.signalCode !== null)) throw new Error(`the peer ended before ${what}`);
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE_MS / 1000} s in vain for ${what}`);
    await sleep(POLL_MS);
  }
}

/** Until every queue of the peer waits for work. */
const idle = (client, child, queues) =>
  until('the peer to wait for jobs', async () => {
    const blocked = (await client.call('CLIENT', 'LIST')).match(/ cmd=bzpopmin/g)?.length ?? 0;
    return blocked >= queues || (queues > 1 && blocked >= 1 && child.shared);
  }, child);

async function left(client, queues) {
  const all = client.pipeline();
  for (const name of queues) {
    for (const list of ['wait', 'active']) all.llen(`bull:${name}:${list}`);
    for (const set of ['prioritized', 'delayed', 'waiting-children']) all.zcard(`bull:${name}:${set}`);
  }
  return (await all.exec()).reduce((sum, [, count]) => sum + count, 0);
}

/** Unix ms of the first start and the last end, from the events. */
async function span(client, queues) {
  let first = Infinity;
  let last = 0;
  for (const name of queues) {
    const events = `bull:${name}:events`;
    const find = async (entries, event) => Number((await entries).find(([, fields]) => fields[1] === event)?.[0].split('-')[0]);
    first = Math.min(first, await find(client.xrange(events, '-', '+', 'COUNT', 5000), 'active'));
    last = Math.max(last, await find(client.xrevrange(events, '+', '-', 'COUNT', 5000), 'completed'));
  }
  return last - first;
}

/** Drains a backlog. With `state` also resolves to what it leaves. */
export function drain(peer, { jobs, queues: count, worker, backlog }, concurrency, { state = false } = {}) {
  const queues = queuesOf(count);
  return onRedis(async (server, client) => {
    const expected = await fill(server.url, queues, { ...backlog, jobs });
    for (const [field, value] of Object.entries(backlog.meta ?? {})) {
      for (const name of queues) await client.hset(`bull:${name}:meta`, field, value);
    }
    const child = startPeer(peer, 'worker', { url: server.url, queues, concurrency, ...worker });
    child.shared = peer === 'bullrs';
    try {
      await idle(client, child, count);
      const connections = (await client.call('CLIENT', 'LIST')).trim().split('\n').length - 1;
      await client.config('SET', 'slowlog-log-slower-than', 1000);
      await client.call('SLOWLOG', 'RESET');
      const before = { own: processCpu(child.pid), all: machineCpu(), redis: await redisCost(client), bench: process.cpuUsage() };
      await release(client, queues);
      await until('the jobs to be done', async () => (await left(client, queues)) === 0, child);
      const spent = { own: processCpu(child.pid) - before.own, all: machineCpu() - before.all, bench: process.cpuUsage(before.bench) };
      const after = await redisCost(client);
      const ms = await span(client, queues);
      if (state) return { state: await finalState(client) };
      const redisCpu = after.cpu - before.redis.cpu;
      return {
        rate: (expected / ms) * 1000,
        clientUs: spent.own / expected,
        redisUs: redisCpu / expected,
        scriptUs: (after.script - before.redis.script) / expected,
        scripts: (after.scripts - before.redis.scripts) / expected,
        redisCores: redisCpu / 1000 / ms,
        foreignCores: Math.max(0, (spent.all - spent.own - redisCpu - spent.bench.user - spent.bench.system) / 1000 / ms),
        longestMs: (await longestCommand(client)) / 1000,
        peakMiB: processMemory(child.pid).peak / 1024,
        connections,
      };
    } finally {
      await stopChild(child, 'SIGTERM', 500);
    }
  });
}

/** Adds jobs. */
export function add(peer, { jobs, mode }) {
  return onRedis(async (server, client) => {
    const child = startPeer(peer, 'add', { url: server.url, queue: 'bench', jobs, mode });
    // bullrs prints JSON, the others a number.
    const line = JSON.parse(await printed(child));
    const seconds = line.seconds ?? line;
    const { cpu } = await redisCost(client);
    const added = await client.llen('bull:bench:wait');
    // The others add one more to warm up.
    if (added < jobs) throw new Error(`${peer} added ${added} of ${jobs} jobs`);
    return { rate: jobs / seconds, redisUs: cpu / jobs };
  });
}

/** Adds a job to an idle worker every 20 ms. */
export function latency(peer, { jobs }) {
  return onRedis(async (server, client) => {
    const child = startPeer(peer, 'worker', { url: server.url, queues: ['bench'], concurrency: 10, mode: 'mono' });
    const started = starts(child);
    const adder = await producer(server.url);
    try {
      await idle(client, child, 1);
      const added = [];
      for (let i = 0; i < jobs; i += 1) {
        added.push(process.hrtime.bigint());
        await adder.add(i);
        await sleep(20);
      }
      await until('all jobs to start', () => started.size === jobs, child);
      const ms = added.map((at, i) => Number(started.get(i) - at) / 1e6).sort((a, b) => a - b);
      return { p50: ms[Math.floor(jobs / 2)], p99: ms[Math.floor(jobs * 0.99)] };
    } finally {
      await adder.close();
      await stopChild(child, 'SIGTERM', 500);
    }
  });
}

/** Starts a worker on a queue with one job. */
export function start(peer) {
  return onRedis(async (server) => {
    const adder = await producer(server.url);
    await adder.add(0);
    await adder.close();
    const spawned = process.hrtime.bigint();
    const child = startPeer(peer, 'worker', { url: server.url, queues: ['bench'], concurrency: 10, mode: 'mono' });
    const started = starts(child);
    try {
      await until('the job to start', () => started.has(0), child);
      return { ms: Number(started.get(0) - spawned) / 1e6 };
    } finally {
      await stopChild(child, 'SIGTERM', 500);
    }
  });
}

/** Lets a worker with nothing to do be for 10 s. */
export function rest(peer, { queues: count }) {
  const queues = queuesOf(count);
  return onRedis(async (server, client) => {
    const child = startPeer(peer, 'worker', { url: server.url, queues, concurrency: 10, mode: 'noop' });
    child.shared = peer === 'bullrs';
    try {
      await idle(client, child, count);
      await sleep(1000);
      const before = { cpu: processCpu(child.pid), commands: (await redisCost(client)).commands };
      await sleep(10_000);
      return {
        rssMiB: processMemory(child.pid).now / 1024,
        cpuPercent: (processCpu(child.pid) - before.cpu) / 1e5,
        commands: ((await redisCost(client)).commands - before.commands) / 10,
        connections: (await client.call('CLIENT', 'LIST')).trim().split('\n').length - 1,
      };
    } finally {
      await stopChild(child, 'SIGTERM', 500);
    }
  });
}

/** When each job started, by its `data.i`: read from what `mono` prints. */
function starts(child) {
  const started = new Map();
  let open = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (open + text).split('\n');
    open = lines.pop();
    for (const line of lines) {
      const [, i, at] = line.split(' ');
      started.set(Number(i), BigInt(at));
    }
  });
  return started;
}

async function producer(url) {
  const { createRequire } = await import('node:module');
  const { Queue } = createRequire(import.meta.url)('bullmq6');
  const { hostname: host, port } = new URL(url);
  const queue = new Queue('bench', { connection: { host, port: Number(port) } });
  await queue.waitUntilReady();
  return { add: (i) => queue.add('job', { i }, { removeOnComplete: true }), close: () => queue.close() };
}

async function printed(child) {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const { code } = await child.ended;
  if (code !== 0) throw new Error(`the peer ended with ${code}:\n${output}`);
  const object = output.search(/^\{/m);
  return object < 0 ? output.trim().split('\n').pop() : output.slice(object);
}

// Jobs that are ready but parked, made by stock BullMQ, so that no worker sees them before the clock runs.
import { createRequire } from 'node:module';
import { Redis } from './redis.mjs';

const { FlowProducer, Queue } = createRequire(import.meta.url)('bullmq6');
const BULK = 500;
const STATES = ['wait', 'prioritized', 'delayed'];
const KEPT_EVENTS = 5_000_000;

/** Adds what the case asks for to `queues`, parks it, and resolves to how many jobs will have to finish. */
export async function fill(url, queues, { jobs, opts = {}, bytes = 24, flow, data }) {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const each = Math.ceil(jobs / queues.length);
  const payload = (i) => data?.(i) ?? { i, payload: 'x'.repeat(bytes) };
  const options = (i) => (typeof opts === 'function' ? opts(i) : opts);
  for (const name of queues) {
    if (flow) await fillFlows(connection, name, each, flow, payload, options);
    else await fillPlain(connection, name, each, payload, options);
  }
  const client = Redis(url);
  for (const name of queues) {
    for (const state of STATES) {
      if (await client.exists(`bull:${name}:${state}`)) await client.rename(`bull:${name}:${state}`, `bull:${name}:parked:${state}`);
    }
    await client.del(`bull:${name}:marker`, `bull:${name}:events`);
    await client.hset(`bull:${name}:meta`, 'opts.maxLenEvents', KEPT_EVENTS);
  }
  client.disconnect();
  return each * queues.length * (flow ? flow + 1 : 1);
}

async function fillPlain(connection, name, jobs, payload, options) {
  const queue = new Queue(name, { connection });
  for (let first = 0; first < jobs; first += BULK) {
    await queue.addBulk(Array.from({ length: Math.min(BULK, jobs - first) }, (_, i) => ({ name: 'job', data: payload(first + i), opts: options(first + i) })));
  }
  await queue.close();
}

async function fillFlows(connection, name, parents, children, payload, options) {
  const producer = new FlowProducer({ connection });
  // Ids of ours: those that a producer would draw differ from run to run.
  const job = (i, jobId) => ({ name: 'job', queueName: name, data: payload(i), opts: { ...options(i), jobId } });
  for (let first = 0; first < parents; first += 100) {
    await producer.addBulk(
      Array.from({ length: Math.min(100, parents - first) }, (_, i) => ({
        ...job(first + i, `flow${first + i}`),
        children: Array.from({ length: children }, (_, k) => job(k, `flow${first + i}-${k}`)),
      })),
    );
  }
  await producer.close();
}

/** Makes the parked jobs ready, all at once, and wakes one waiting worker a queue as an added job would. */
export async function release(client, queues) {
  const all = client.multi();
  for (const name of queues) {
    for (const state of STATES) {
      if (await client.exists(`bull:${name}:parked:${state}`)) all.rename(`bull:${name}:parked:${state}`, `bull:${name}:${state}`);
    }
    all.zadd(`bull:${name}:marker`, 0, '0');
  }
  await all.exec();
}

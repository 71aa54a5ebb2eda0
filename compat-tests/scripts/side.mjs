// One side of a walk: an app and a worker of one bullmq module on one database, driven by hand, step by step.
import { dump } from '../lib/dump.mjs';

export const QUEUES = ['q', 'p'];

export class Side {
  constructor(module, database) {
    this.module = module;
    this.redis = database.client;
    this.active = [];
    const { connection } = database;
    const options = { connection, prefix: 'bull' };
    this.queues = Object.fromEntries(QUEUES.map((name) => [name, new module.Queue(name, options)]));
    this.workers = Object.fromEntries(
      QUEUES.map((name) => [name, new module.Worker(name, undefined, { ...options, autorun: false, metrics: { maxDataPoints: 5 }, lockDuration: 600_000 })]),
    );
    this.limited = new module.Worker('q', undefined, { ...options, autorun: false, lockDuration: 600_000, limiter: { max: 3, duration: 600_000 }, name: 'limited' });
    this.flow = new module.FlowProducer(options);
    for (const one of this.everything()) one.on('error', () => {});
  }

  everything() {
    return [...Object.values(this.queues), ...Object.values(this.workers), this.limited, this.flow];
  }

  async ready() {
    await Promise.all(this.everything().map((one) => one.waitUntilReady()));
  }

  async close() {
    await Promise.all(this.everything().map((one) => one.close()));
  }

  /** Takes a job if there is one; `limited` is the worker with a rate limit and a name. */
  async take(queue, token, limited) {
    const worker = limited ? this.limited : this.workers[queue];
    const [data, id, ...rest] = await worker.backend.moveToActive(token, worker.opts.name);
    await this.adopt(worker, queue, data, id, token);
    return [id, ...rest];
  }

  /** Makes a fetched job one that later steps can finish, as the worker's loop does. */
  async adopt(worker, queue, data, id, token) {
    if (!data) return;
    const job = await worker.nextJobFromJobData(data, id, token);
    this.active.push({ queue, token, id, job: job ?? worker.createJob(data, id) });
  }

  /** Ends the active job at `index` with `finish(job, token)`, which may bring the next one with it. */
  async finish(index, finish) {
    const entry = this.active.splice(index, 1)[0];
    const next = await finish(entry.job, entry.token);
    if (Array.isArray(next)) {
      const [data, id, ...rest] = next;
      await this.adopt(this.workers[entry.queue], entry.queue, data, id, entry.token);
      return ['next', id, ...rest];
    }
    return next;
  }

  /** The database, with what no two sides share taken away: stream ids, and the exact rest of a life time. */
  async state() {
    const left = await dump(this.redis);
    return Object.fromEntries(Object.entries(left).map(([key, { type, value, ttl }]) => [key, { type, value: plain(type, value), ttl }]));
  }
}

function plain(type, value) {
  if (type === 'stream') return value.map(({ fields }) => fields);
  if (type === 'hash' && value.opts !== undefined) return { ...value, opts: sorted(value.opts) };
  return value;
}

/** cjson writes the keys of an object in no order. */
function sorted(text) {
  const walk = (part) => {
    if (part === null || typeof part !== 'object') return part;
    if (Array.isArray(part)) return part.map(walk);
    return Object.fromEntries(Object.keys(part).sort().map((name) => [name, walk(part[name])]));
  };
  return walk(JSON.parse(text));
}

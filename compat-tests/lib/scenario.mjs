// Runs a scenario with a driver and returns the database it left, in a form that two runs share.
import { dump } from './dump.mjs';
import { normalise } from './normalise.mjs';
import { until } from './wait.mjs';

/** What a scenario's steps get: queues and flows of a bullmq module, and a plain client. */
export class Kit {
  #queues = new Map();
  #flow;

  constructor(module, database, prefix) {
    this.database = database;
    this.redis = database.client;
    this.prefix = prefix ?? 'bull';
    this.stock = module;
  }

  /** The queue `name`; made once, its `meta` written before anything else. */
  async queue(name = 'q', options = {}) {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new this.stock.Queue(name, { connection: this.database.connection, prefix: this.prefix, ...options });
      queue.on('error', () => {});
      this.#queues.set(name, queue);
      await queue.waitUntilReady();
      await until(`${name} is known by its meta`, () => this.redis.exists(this.key(name, 'meta')));
    }
    return queue;
  }

  get flow() {
    this.#flow ??= new this.stock.FlowProducer({ connection: this.database.connection, prefix: this.prefix });
    return this.#flow;
  }

  key(queue, suffix) {
    return `${this.prefix}:${queue}:${suffix}`;
  }

  /** The events of a queue so far, each as an object, or only those with the given name. */
  async events(queue, name) {
    const entries = await this.redis.xrange(this.key(queue, 'events'), '-', '+');
    const events = entries.map(([id, flat]) => {
      const event = { id };
      for (let at = 0; at < flat.length; at += 2) event[flat[at]] = flat[at + 1];
      return event;
    });
    return name === undefined ? events : events.filter(({ event }) => event === name);
  }

  /** Resolves once the queue has emitted `count` events called `name`. */
  async emitted(queue, name, count = 1) {
    return until(`${queue} emitted ${count} × ${name}`, async () => (await this.events(queue, name)).length >= count);
  }

  async close() {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#flow?.close();
  }
}

/**
 * Plays a scenario with the app's side on `module`. A scenario:
 * - `prepare(kit)`: what the app does before a worker runs
 * - `during(kit)`: what it does while the worker runs, if anything
 * - `ends`: how many `completed` and `failed` events there are when it is over
 * - `over(kit)`: instead of `ends`, says whether it is over
 * - `mode`, `concurrency`, `queues`, `options`: of the worker
 * - `offsets`, `durations`, `ignore`, `drained`, `anyOrder`: see `normalise`
 */
export async function runScenario(driver, module, lab, scenario) {
  const database = await lab.database();
  const { queues = ['q'], mode = 'noop', concurrency = 1, options = {}, ends = {} } = scenario;
  const kit = new Kit(module, database, options.prefix);
  const from = Date.now();
  let worker;
  try {
    for (const queue of queues) await kit.queue(queue);
    await scenario.prepare(kit);
    worker = await driver.work({ database, queues, mode, concurrency, options });
    await scenario.during?.(kit);
    await until(`${scenario.name} is over with ${driver.name}`, () => (scenario.over ? scenario.over(kit) : isOver(kit, queues, ends)), {
      explain: async () => `${await describe(kit, queues)}\n${worker.explain?.() ?? ''}`,
    });
    await worker.stop();
    worker = undefined;
    const to = Date.now();
    const left = await dump(database.client);
    return { left, normal: normalise(left, { from, to, ...scenario }) };
  } finally {
    await worker?.stop().catch(() => {});
    await kit.close();
  }
}

/** All terminal events are there, nothing is under way, and the worker has looked for more and found nothing. */
async function isOver(kit, queues, { completed = 0, failed = 0 }) {
  const seen = { completed: 0, failed: 0 };
  for (const queue of queues) {
    for (const { event } of await kit.events(queue)) if (event in seen) seen[event] += 1;
    if (await kit.redis.llen(kit.key(queue, 'active'))) return false;
    if (await kit.redis.exists(kit.key(queue, 'marker'))) return false;
    if (await kit.redis.exists(kit.key(queue, 'limiter'))) return false;
  }
  return seen.completed >= completed && seen.failed >= failed;
}

async function describe(kit, queues) {
  const lines = [];
  for (const queue of queues) {
    const events = await kit.events(queue);
    lines.push(`${queue}: ${events.slice(-12).map(({ event, jobId = '' }) => `${event} ${jobId}`).join(', ')}`);
  }
  return lines.join('\n');
}

// Workers of both kinds as processes that a test may kill, and the count of what they did.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { startChild, stopChild } from '../../tasks/children.mjs';
import { againstStock } from './drivers.mjs';
import { RustWorker } from './rust.mjs';

const PROGRAM = fileURLToPath(new URL('../drivers/stock-process.mjs', import.meta.url));

/** A stock Node worker of its own process, with the verbs of `RustWorker` that tests of fleets use. */
export class NodeWorker {
  #child;

  constructor({ version = 6, database, queues, mode, concurrency, options = {} }) {
    const { maxRetriesPerRequest, ...connection } = database.connection;
    this.#child = startChild(process.execPath, [PROGRAM, JSON.stringify({ version, connection, queues, mode, concurrency, options })]);
    this.#child.stderr.resume();
    this.#child.stdout.resume();
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.#child.ended;
  }

  stop() {
    return stopChild(this.#child, 'SIGTERM', 20_000);
  }
}

/** A worker of the kind under test as a process: bullrs, with times in milliseconds. */
export function startWorker({ database, queues, mode, concurrency, options = {}, flags = {} }) {
  if (againstStock) return new NodeWorker({ database, queues, mode, concurrency, options });
  const { lockDuration, stalledInterval, maxStalledCount } = options;
  const given = {
    'lock-duration': lockDuration && `${lockDuration}ms`,
    'stalled-interval': stalledInterval && `${stalledInterval}ms`,
    'max-stalled': maxStalledCount,
    ...flags,
  };
  return new RustWorker({ url: database.url, queues, mode, concurrency, flags: given });
}

/**
 * Checks that each of `ids` ended once, in the set `completed`, and that no trace of running is left. Returns how
 * often each was started.
 */
export async function assertEachCompletedOnce(kit, queue, ids) {
  const events = await kit.events(queue);
  const ended = new Map();
  const started = new Map();
  for (const { event, jobId } of events) {
    if (event === 'completed' || event === 'failed') ended.set(jobId, [...(ended.get(jobId) ?? []), event]);
    if (event === 'active') started.set(jobId, (started.get(jobId) ?? 0) + 1);
  }
  const wrong = ids.filter((id) => ended.get(id)?.join() !== 'completed');
  assert.deepEqual(wrong.map((id) => [id, ended.get(id)]), [], 'each job ends once, and completed');

  const completed = new Set(await kit.redis.zrange(kit.key(queue, 'completed'), 0, -1));
  assert.deepEqual(ids.filter((id) => !completed.has(id)), [], 'each job stands in completed');
  assert.equal(completed.size, ids.length);
  for (const state of ['wait', 'active', 'delayed', 'prioritized', 'failed', 'stalled', 'waiting-children', 'paused']) {
    assert.equal(await kit.redis.exists(kit.key(queue, state)), 0, `${state} is empty`);
  }
  assert.deepEqual(await kit.redis.keys(kit.key(queue, '*:lock')), [], 'no lock is left');
  const attempts = await Promise.all(ids.map((id) => kit.redis.hget(kit.key(queue, id), 'atm')));
  assert.deepEqual(attempts.filter((made) => made === null), [], 'each job has an attempt made');
  return started;
}

// Pins a difference: what stock does, so that a later stock version that mends it is noticed, and what ours does instead.
// "Ours" is stock's own client on our scripts, so that nothing but the script differs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { againstStock } from '../../lib/drivers.mjs';
import { exportScripts } from '../../lib/our-scripts.mjs';
import { Lab } from '../../lib/redis.mjs';
import { Kit } from '../../lib/scenario.mjs';
import { stock, stockOnOurScripts } from '../../lib/stock.mjs';

/** Calls of a script after which a loop of stock's client is held to be endless. */
const MANY = 5;

export const HOUR = 3_600_000;

const lab = await Lab.start();
const onOurs = stockOnOurScripts(await exportScripts()).module;

/** Plays `play(kit)` on stock's scripts and on ours; they answer `theirs` and `ours`, which differ. */
export function mended(name, play, { theirs, ours, version = 6 }) {
  test(name, { timeout: 30_000, skip: againstStock && 'nothing is mended in stock' }, async () => {
    assert.notDeepEqual(theirs, ours);
    for (const [side, module, expected] of [['stock', stock(version), theirs], ['ours', onOurs, ours]]) {
      const kit = new PinKit(module, await lab.database());
      try {
        assert.deepEqual(await play(kit), expected, side);
      } finally {
        await kit.close();
      }
    }
  });
}

/** What a pin needs beside an app: a worker without a loop, and garbage. */
class PinKit extends Kit {
  #workers = [];

  /** A worker of a queue, whose scripts are called by hand. */
  async worker(queue = 'q', options = {}) {
    const worker = new this.stock.Worker(queue, undefined, { connection: this.database.connection, autorun: false, ...options });
    worker.on('error', () => {});
    this.#workers.push(worker);
    await worker.waitUntilReady();
    return worker;
  }

  /** Takes the next job: its id, null when there is none, or the first words of the error. */
  async take(worker, token = 'token') {
    worker.limitUntil = 0;
    return outcome(() => worker.getNextJob(token, { block: false }).then((job) => (job ? job.id : null)));
  }

  /** The place of an id: the list or set that holds it. */
  async place(queue, id) {
    const places = [];
    for (const list of ['wait', 'paused', 'active']) if ((await this.redis.lrange(this.key(queue, list), 0, -1)).includes(id)) places.push(list);
    for (const set of ['delayed', 'prioritized', 'completed', 'failed', 'waiting-children']) {
      if ((await this.redis.zscore(this.key(queue, set), id)) !== null) places.push(set);
    }
    return places.join(' and ') || 'nowhere';
  }

  /** Whether `act` goes on calling the backend's `method` without an end. */
  async isEndless(backend, method, act) {
    const call = backend[method].bind(backend);
    let calls = 0;
    backend[method] = (...given) => {
      calls += 1;
      if (calls > MANY) throw new Error('endless');
      return call(...given);
    };
    try {
      return (await outcome(act)) === 'endless';
    } finally {
      delete backend[method];
    }
  }

  async close() {
    await Promise.all(this.#workers.map((worker) => worker.close(true)));
    await super.close();
  }
}

/** What `act` resolves to, or what kind of error it fails with. */
export async function outcome(act) {
  try {
    return await act();
  } catch (error) {
    const message = String(error.message);
    if (/endless/.test(message)) return 'endless';
    if (/stack overflow/.test(message)) return 'stack overflow';
    return /user_script|ERR|WRONGTYPE|Lua/.test(message) ? 'script error' : message;
  }
}

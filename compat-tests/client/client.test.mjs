// The Rust client leaves and answers what stock bullmq does: random sequences over everything that queues, jobs, flows,
// schedulers and manual workers can do, looked at after each step. More of them by hand: see `fuzz.mjs`.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PrivateRedis } from '../../tasks/servers.mjs';
import { againstStock } from '../lib/drivers.mjs';
import { stockVersion } from '../lib/stock.mjs';
import { Arena } from './arena.mjs';
import { hunt } from './hunt.mjs';
import { STEPS } from './steps/index.mjs';

/** Seeds for each version, some 20 s of them. */
const SEEDS = { 5: 24, 6: 40 };

/** What the Rust client has no way to say. */
const INEXPRESSIBLE = [];

const server = await PrivateRedis.start();
after(() => server.stop());

for (const version of [5, 6]) {
  test(`the Rust client is as stock ${stockVersion(version)}, step by step`, { timeout: 240_000 }, async () => {
    const arena = await Arena.open(server, version, againstStock ? 'stock' : 'agent');
    try {
      for (let seed = 1; seed <= SEEDS[version]; seed += 1) assert.equal((await hunt(arena.duel, seed))?.report, undefined);
      const { played, inexpressible } = arena.duel.counts;
      const missing = Object.keys(STEPS).filter((name) => name !== 'wait' && (STEPS[name].versions ?? [version]).includes(version) && !played[name] && !(version === 5 && name === 'trimEvents'));
      assert.deepEqual(missing, [], 'every kind of step was played');
      assert.deepEqual(Object.keys(inexpressible).sort(), INEXPRESSIBLE);
    } finally {
      await arena.close();
    }
  });
}

// Every scenario once more, with stock 6.x on our scripts on both sides: the app's and the worker's.
import { before, test } from 'node:test';
import { stockDriver } from '../drivers/stock.mjs';
import { assertEqual } from '../lib/compare.mjs';
import { checkInvariants } from '../lib/invariants.mjs';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { runScenario } from '../lib/scenario.mjs';
import { stock, stockOnOurScripts } from '../lib/stock.mjs';
import { scenarios as deduplication } from '../scenarios/deduplication.mjs';
import { scenarios as flows } from '../scenarios/flows.mjs';
import { scenarios as limits } from '../scenarios/limits.mjs';
import { scenarios as plain } from '../scenarios/plain.mjs';
import { scenarios as retention } from '../scenarios/retention.mjs';
import { scenarios as retries } from '../scenarios/retries.mjs';
import { scenarios as schedulers } from '../scenarios/schedulers.mjs';
import { scenarios as stalls } from '../scenarios/stalls.mjs';

const lab = await Lab.start();
let ours;

before(async () => {
  ours = stockOnOurScripts(await exportScripts()).module;
});

for (const scenario of [plain, retries, retention, flows, deduplication, limits, stalls, schedulers].flat()) {
  test(`${scenario.name} (stock on our scripts)`, { timeout: 120_000 }, async () => {
    const reference = await runScenario(stockDriver(6), stock(6), lab, scenario);
    const candidate = await runScenario(stockDriver(6, { module: ours, name: 'ours' }), ours, lab, scenario);
    checkInvariants(candidate.left);
    assertEqual(reference.normal, candidate.normal, 'stock on our scripts');
  });
}

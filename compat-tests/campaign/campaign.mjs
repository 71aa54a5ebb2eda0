// A campaign: apps on stock bullmq enqueue, a fleet of Rust and Node workers runs the jobs, and everything that can
// go wrong goes wrong. Afterwards each job's effects, counted in a ledger outside Redis, are held against Redis.
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../tasks/servers.mjs';
import { Kit } from '../lib/scenario.mjs';
import { stock } from '../lib/stock.mjs';
import { until } from '../lib/wait.mjs';
import { Chance } from '../lib/chance.mjs';
import { Fleet } from './fleet.mjs';
import { checkJobs, checkScheduler, readLedger } from './verdict.mjs';
import { enqueue, surely } from './work.mjs';

const QUEUE = 'campaign';
const ALL_EVENTS = { streams: { events: { maxLen: 10_000_000 } } };
const LOCK_MS = 2_000;
const SCHEDULERS = [{ id: 'often', every: 250 }, { id: 'seldom', every: 1_100 }];

/**
 * Runs one campaign and returns its figures and what broke a rule.
 *
 * @param options.lab  a `Lab` whose server keeps what it holds over a kill (`appendOnly`)
 * @param options.versions  the stock versions of the apps and, beside Rust, of the workers
 * @param options.jobs  how many jobs at least; `options.everyMs` the mean time between two faults
 */
export async function campaign({ lab, seed, versions = [5, 6], rust = 2, jobs = 300, everyMs = 400, pace = 4, skew = 0 }) {
  const chance = new Chance(seed);
  const database = await lab.database();
  const kits = versions.map((version) => new Kit(stock(version), database));
  const queues = await Promise.all(kits.map((kit) => kit.queue(QUEUE, ALL_EVENTS)));
  const kit = kits[0];
  const ledger = join(temporaryFolder('ledger'), 'ledger.jsonl');
  const settings = { queue: QUEUE, concurrency: 8, lock: LOCK_MS, stalled: 700, drain: 300, ledger, skew };
  const kinds = [...Array.from({ length: rust }, () => 'rust'), ...versions.map((version) => `node${version}`)];
  const pausing = versions.length === 1 ? { queue: queues[0] } : {};
  const fleet = new Fleet({ chance, server: lab.server, redis: database.client, kinds, settings, ...pausing });
  const began = Date.now();
  for (const { id, every } of SCHEDULERS) await queues.at(-1).upsertJobScheduler(id, { every }, { name: 'tick', data: { takes: 5 } });
  await fleet.start();

  let enqueued = false;
  const work = enqueue({ chance: new Chance(seed + 1), queues, flows: kits.map(({ flow }) => flow), name: QUEUE, count: jobs, pace, stopped: () => false });
  const done = work.finally(() => {
    enqueued = true;
  });
  while (!enqueued) {
    await pause(chance.below(everyMs * 2)); // the rhythm of the faults
    await fleet.fault();
  }
  const expected = await done;
  await fleet.heal();
  for (const { id } of SCHEDULERS) await surely(() => queues.at(-1).removeJobScheduler(id));

  const count = async () => {
    const [completed, failed] = await Promise.all(['completed', 'failed'].map((state) => database.client.zrange(kit.key(QUEUE, state), 0, -1)));
    const ended = new Set([...completed, ...failed]);
    return expected.filter(({ id }) => !ended.has(id));
  };
  await until('every job has ended', async () => (await count()).length === 0, {
    deadline: 60_000,
    every: 100,
    explain: async () => JSON.stringify((await count()).slice(0, 10)),
  }).catch((error) => fleet.unexpected.push(error.message));
  await until('nothing is under way', async () => (await database.client.exists(kit.key(QUEUE, 'active'))) === 0, { deadline: 30_000 })
    .catch((error) => fleet.unexpected.push(error.message));
  await fleet.stop();

  const events = await kit.events(QUEUE);
  const entries = readLedger(ledger);
  const broken = [...fleet.unexpected, ...(await checkJobs({ kit, queue: QUEUE, expected, ledger: entries, events }))];
  let iterations = 0;
  for (const { id, every } of SCHEDULERS) {
    const verdict = checkScheduler({ id, every, events, tolerance: 2 * skew + 50 });
    broken.push(...verdict.faults);
    iterations += verdict.iterations;
  }
  await Promise.all(kits.map((each) => each.close()));
  const starts = [...entries.values()].flat().filter(({ what }) => what === 'start').length;
  const of = (name) => events.filter(({ event }) => event === name).length;
  const figures = { seed, seconds: Math.round((Date.now() - began) / 1_000), jobs: expected.length, starts, stalls: of('stalled'), iterations, stuckNodes: fleet.stuckNodes, faults: fleet.faults };
  return { figures, broken };
}

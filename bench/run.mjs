// `npm run bench`: bullrs against stock BullMQ and the official Rust client, in turn, on private servers.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { capture, runTask, TaskError } from '../tasks/children.mjs';
import { root } from '../tasks/setup.mjs';
import { cases, chosen } from './lib/cases.mjs';
import { load, machine } from './lib/machine.mjs';
import { add, drain, latency, rest, start } from './lib/measure.mjs';
import { peers } from './lib/peers.mjs';
import { cells, table } from './lib/report.mjs';
import { plot } from './lib/plot.mjs';
import { differences } from './lib/state.mjs';

const USAGE = `Usage: npm run bench -- [--case NAME,...] [--concurrency N,...] [--peers NAME,...] [--rounds N]
                       [--jobs N] [--quiet-below LOAD] [--out FOLDER] [--check] [--report FILE]

  --case         ${Object.keys(cases).join(', ')} [default: all]
  --peers        ${Object.keys(peers).join(', ')} [default: all]
  --rounds       how often each is measured, in turn [default: 5]
  --quiet-below  waits before each measurement until the machine's load is below this [default: no wait]
  --out          where results.json, results.md and results.svg go [default: bench/results]
  --check        measures nothing: compares what each peer leaves in Redis with what stock leaves
  --report       measures nothing: writes the table and the plot of a results.json anew
Run \`npm run bench:setup\` once before.`;

async function main() {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' }, concurrency: { type: 'string' }, peers: { type: 'string' }, rounds: { type: 'string', default: '5' },
      jobs: { type: 'string' }, 'quiet-below': { type: 'string' }, out: { type: 'string', default: join(root, 'bench', 'results') },
      check: { type: 'boolean', default: false }, report: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if (values.report) return publish(JSON.parse(readFileSync(values.report, 'utf8')), values.out);
  const names = list(values.peers) ?? Object.keys(peers);
  for (const name of names) if (!peers[name]) throw new TaskError(`there is no peer \`${name}\`; there are ${Object.keys(peers).join(', ')}`, 2);
  const wanted = chosen(list(values.case) ?? []);
  if (values.check) return check(wanted, names);

  const results = { date: new Date().toISOString(), machine: machine(), versions: await versions(names), loadBefore: load(), cells: [] };
  for (const name of wanted) {
    const found = { ...cases[name], ...(values.jobs ? { jobs: Number(values.jobs) } : {}) };
    for (const concurrency of (found.concurrency && list(values.concurrency)?.map(Number)) || found.concurrency || [0]) {
      const cell = { case: name, title: found.title, kind: found.kind, concurrency, target: found.target?.[concurrency] ?? found.target, peers: {} };
      for (let round = 0; round < Number(values.rounds); round += 1) {
        // Each round in another order: what follows whom must not decide.
        const order = names.map((_, i) => names[(i + round) % names.length]);
        for (const peer of order) {
          if (values['quiet-below']) await quiet(Number(values['quiet-below']));
          const measured = await measure(peer, found, concurrency);
          (cell.peers[peer] ??= []).push({ ...measured, load: load() });
          console.log([name, concurrency || '', peer, ...Object.entries(measured).map(([key, value]) => `${key}=${Math.round(value * 100) / 100}`)].join(' '));
        }
      }
      results.cells.push(cell);
      publish({ ...results, loadAfter: load() }, values.out);
    }
  }
}

function measure(peer, found, concurrency) {
  const kinds = { drain: () => drain(peer, found, concurrency), add: () => add(peer, found), latency: () => latency(peer, found), start: () => start(peer), idle: () => rest(peer, found) };
  return kinds[found.kind]();
}

/** The same backlog through stock and each peer must leave the same. */
async function check(wanted, names) {
  let wrong = 0;
  for (const name of wanted.filter((one) => cases[one].kind === 'drain')) {
    const small = { ...cases[name], jobs: 200 };
    const concurrency = Math.min(small.concurrency.at(-1), 20);
    const expected = await drain('node6', small, concurrency, { state: true });
    for (const peer of names.filter((one) => one !== 'node6')) {
      const found = await drain(peer, small, concurrency, { state: true });
      const lines = differences(expected.state, found.state);
      console.log(`${name} ${peer}: ${lines.length === 0 ? 'as stock' : `${lines.length} keys differ\n  ${lines.slice(0, 5).join('\n  ')}`}`);
      if (peer === 'bullrs') wrong += lines.length;
    }
  }
  if (wrong > 0) throw new TaskError('bullrs leaves something else than stock');
}

function publish(results, folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(folder, 'results.md'), table(results));
  writeFileSync(join(folder, 'results.svg'), plot(cells(results)));
}

async function versions(names) {
  const redis = await capture(process.env.BULLRS_REDIS_SERVER || 'redis-server', ['--version']);
  return { redis: /v=(\S+)/.exec(redis.output)?.[1], ...Object.fromEntries(names.map((name) => [name, peers[name].version()])) };
}

async function quiet(below) {
  for (let waited = 0; load() >= below; waited += 1) {
    if (waited === 0) console.log(`waiting for a load below ${below} (now ${load()})`);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

const list = (text) => text?.split(',').filter(Boolean);

runTask(main);

// A stock Node worker of the fault campaign, with the ledger of `worker.rs`: `node node-worker.mjs '<settings>'`.
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { stock } from '../lib/stock.mjs';

const settings = JSON.parse(process.argv[2]);
const { version, queue, name, concurrency, lock, stalled, ledger, skew = 0 } = settings;
const { hostname, port, pathname } = new URL(settings.url);
const { Worker } = stock(version);
const realNow = Date.now;
Date.now = () => realNow() + skew;

function note(what, job, attempt) {
  const entry = { what, worker: name, queue: job.queueName, id: job.id, attempt };
  appendFileSync(ledger, `${JSON.stringify(entry)}\n`);
}

async function run(job) {
  // Taken at the start: after a lost lock this object may be changed by bullmq.
  const attempt = job.attemptsMade + 1;
  note('start', job, attempt);
  await pause(job.data.takes ?? 0);
  if (attempt <= (job.data.fails ?? 0)) {
    note('fail', job, attempt);
    throw new Error('planned failure');
  }
  const children = await job.getChildrenValues();
  note('end', job, attempt);
  return { children: Object.keys(children).length };
}

const connection = { host: hostname, port: Number(port), db: Number(pathname.slice(1) || 0), maxRetriesPerRequest: null };
const worker = new Worker(queue, run, {
  connection,
  concurrency,
  lockDuration: lock,
  stalledInterval: stalled,
  maxStalledCount: 1_000,
});
worker.on('error', () => {}); // what matters is the state it leaves; without a listener it would end the process
await worker.waitUntilReady();
console.log('ready');

process.on('SIGTERM', async () => {
  await worker.close();
  process.exit(0);
});

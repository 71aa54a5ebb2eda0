// Stock BullMQ as a program with the same arguments as the other peers.
//
//   node.mjs worker --module bullmq6 --url URL --queues a,b --concurrency 10 --mode noop
//   node.mjs add --module bullmq6 --url URL --queue a --jobs 1000 --mode bulk|inflight|sequential
//
// `worker` runs until SIGTERM. `add` prints how many seconds it took.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const [verb, ...rest] = process.argv.slice(2);
const given = Object.fromEntries(Array.from({ length: rest.length / 2 }, (_, i) => [rest[2 * i].slice(2), rest[2 * i + 1]]));
const { Queue, Worker } = createRequire(import.meta.url)(given.module);
const { hostname: host, port } = new URL(given.url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

if (verb === 'worker') work();
else await add();

function work() {
  const [mode, amount] = given.mode.split(':');
  const handlers = {
    noop: async () => null,
    echo: async (job) => job.data,
    sleep: async () => {
      await sleep(Number(amount));
      return null;
    },
    fail: async (job) => {
      if (job.attemptsMade < Number(amount)) throw new Error('bench failure');
      return null;
    },
    mono: async (job) => {
      process.stdout.write(`S ${job.data.i} ${process.hrtime.bigint()}\n`);
      return null;
    },
  };
  const [max, duration] = (given.limiter ?? '').split('/').map(Number);
  const limiter = given.limiter ? { max, duration } : undefined;
  const workers = given.queues.split(',').map((queue) => new Worker(queue, handlers[mode], { connection, concurrency: Number(given.concurrency), limiter }));
  for (const worker of workers) worker.on('error', (error) => console.error(error.message));
  process.on('SIGTERM', () => process.exit(0));
}

async function add() {
  const queue = new Queue(given.queue, { connection });
  const data = (i) => ({ i, payload: 'x'.repeat(24) });
  await queue.add('warm', data(0));
  const jobs = Number(given.jobs);
  const started = process.hrtime.bigint();
  if (given.mode === 'bulk') {
    for (let first = 0; first < jobs; first += 1000) {
      await queue.addBulk(Array.from({ length: Math.min(1000, jobs - first) }, (_, i) => ({ name: 'job', data: data(first + i) })));
    }
  } else {
    const lanes = given.mode === 'inflight' ? 50 : 1;
    const lane = async (first) => {
      for (let i = first; i < jobs; i += lanes) await queue.add('job', data(i));
    };
    await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)));
  }
  console.log(Number(process.hrtime.bigint() - started) / 1e9);
  await queue.close();
}

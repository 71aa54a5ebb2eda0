// A stock Node worker as a process of its own, so that it can be killed: `node stock-process.mjs '<json>'`, the JSON
// being `{ version, connection, queues, mode, concurrency, options }`. Prints `ready` once it serves.
import { processorOf, stock } from '../lib/stock.mjs';

const { version, connection, queues, mode, concurrency, options } = JSON.parse(process.argv[2]);
const { Worker } = stock(version);
const workers = queues.map((queue) => new Worker(queue, processorOf(mode), { connection, concurrency, ...options }));
for (const worker of workers) worker.on('error', () => {});
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
console.log('ready');

process.on('SIGTERM', async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  process.exit(0);
});

// A stock Node worker, in the test's own process.
import { processorOf, stock } from '../lib/stock.mjs';

/** A driver that works queues with stock bullmq `version`, or with another copy of its module. */
export function stockDriver(version, { module = stock(version), name = `stock ${version}` } = {}) {
  return {
    name,
    async work({ database, queues, mode, concurrency, options }) {
      const { Worker } = module;
      const { metrics, limiter, lockDuration, stalledInterval, maxStalledCount, name, prefix } = options;
      const workers = queues.map((queue) => {
        const worker = new Worker(queue, processorOf(mode), {
          connection: database.connection,
          concurrency,
          ...defined({ limiter, lockDuration, stalledInterval, maxStalledCount, name, prefix }),
          ...(metrics ? { metrics: { maxDataPoints: METRICS_POINTS } } : {}),
        });
        worker.on('error', () => {}); // reported by the state it leaves; without a listener it would end the process
        return worker;
      });
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
      return { stop: () => Promise.all(workers.map((worker) => worker.close())) };
    },
  };
}

/** Two weeks of minutes, as bullmq's own `MetricsTime.TWO_WEEKS`. */
const METRICS_POINTS = 2 * 7 * 24 * 60;

function defined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

// `bullrs bench worker` as a driver: the same verbs as the stock one.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RustWorker } from '../lib/rust.mjs';
import { temporaryFolder } from '../../tasks/servers.mjs';

export const bullrsDriver = {
  name: 'bullrs',
  async work({ database, queues, mode, concurrency, options }) {
    const { metrics, limiter, lockDuration, stalledInterval, maxStalledCount, name, prefix } = options;
    const worker = new RustWorker({
      url: database.url,
      queues,
      concurrency,
      mode,
      flags: {
        'lock-duration': milliseconds(lockDuration),
        'stalled-interval': milliseconds(stalledInterval),
        'max-stalled': maxStalledCount,
        name,
        prefix,
        config: limiter && configuration(queues, limiter),
      },
      env: metrics ? { BULLMQ_METRICS_ENABLED: 'true' } : {},
    });
    return {
      explain: () => worker.tail(),
      async stop() {
        assert.equal(worker.how, undefined, `bullrs ended by itself:\n${worker.tail()}`);
        const { code, signal } = await worker.stop();
        assert.deepEqual({ code, signal }, { code: 0, signal: null }, worker.tail());
      },
    };
  },
};

function milliseconds(value) {
  return value === undefined ? undefined : `${value}ms`;
}

/** Writes a configuration file that limits the rate of every queue. */
function configuration(queues, { max, duration }) {
  const file = join(temporaryFolder('config'), 'bullrs.toml');
  writeFileSync(file, queues.map((queue) => `[queues.${queue}]\nlimiter = { max = ${max}, duration = "${duration}ms" }\n`).join('\n'));
  return file;
}

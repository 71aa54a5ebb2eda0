// What is measured. `target` is bullrs' jobs/s (or time) against the best peer's, as the project promises it.
const remove = { removeOnComplete: true };

/** A backlog that is drained: `jobs`, `backlog` (lib/backlog.mjs), `worker` options, the concurrencies. */
const drain = (title, target, { concurrency = [100], jobs = 40_000, queues = 1, worker = {}, ...backlog }) => ({
  kind: 'drain', title, target, concurrency, jobs, queues, worker: { mode: 'noop', ...worker }, backlog,
});

export const cases = {
  drain: drain('No-op jobs, removed', { 1: 1.15, 10: 1.4, 100: 2, 500: 2 }, { concurrency: [1, 10, 100, 500], opts: remove }),
  keep: drain('No-op jobs, kept', { 1: 1.15, 10: 1.4, 100: 2, 500: 2 }, { concurrency: [1, 10, 100, 500] }),
  sleep: drain('Jobs that sleep 5 ms', { 500: 1.7 }, { concurrency: [500], opts: remove, worker: { mode: 'sleep:5' } }),
  retry: drain('Two failures, then success', { 100: 2 }, { jobs: 10_000, opts: { ...remove, attempts: 3 }, worker: { mode: 'fail:2' } }),
  flow: drain('Flows of one parent and five children', { 100: 1.5 }, { jobs: 2_000, flow: 5, opts: remove }),
  priority: drain('Jobs of ten priorities', { 100: 1.5 }, { jobs: 20_000, opts: (i) => ({ ...remove, priority: 1 + (i % 10) }) }),
  delayed: drain('Delayed jobs that are due', { 100: 1.5 }, { jobs: 20_000, opts: { ...remove, delay: 1 } }),
  limited: drain('Under a rate limit that never bites', { 100: 1.5 }, { opts: remove, worker: { limiter: { max: 1_000_000, duration: 600_000 } } }),
  deduplicated: drain('Jobs with a deduplication id', { 100: 1.5 }, { opts: (i) => ({ ...remove, deduplication: { id: `d${i}` } }) }),
  maxed: drain('Under a global concurrency of 80', { 100: 1.5 }, { opts: remove, meta: { concurrency: 80 } }),
  '10kb': drain('Payloads of 10 kB', { 100: 2 }, { jobs: 10_000, opts: remove, bytes: 10_000 }),
  '100kb': drain('Payloads of 100 kB', { 100: 2 }, { jobs: 2_000, opts: remove, bytes: 100_000 }),
  queues: drain('20 queues of concurrency 10 in one process', { 10: 1.5 }, { concurrency: [10], queues: 20, opts: remove }),
  bulk: { kind: 'add', title: 'Adding in bulks of 1000', target: 2, mode: 'bulk', jobs: 40_000 },
  inflight: { kind: 'add', title: 'Adding, 50 in flight', target: 1.5, mode: 'inflight', jobs: 40_000 },
  sequential: { kind: 'add', title: 'Adding one after the other', target: 1, mode: 'sequential', jobs: 10_000 },
  latency: { kind: 'latency', title: 'From add to start, idle worker, a job each 20 ms', target: 1, jobs: 300 },
  start: { kind: 'start', title: 'From the start of the process to its first job', target: 15 },
  idle: { kind: 'idle', title: 'Idle with 20 queues', target: 14, queues: 20 },
};

/** The cases of a run, by name, or all. */
export function chosen(names) {
  for (const name of names) {
    if (!cases[name]) throw new Error(`there is no case \`${name}\`; there are ${Object.keys(cases).join(', ')}`);
  }
  return names.length > 0 ? names : Object.keys(cases);
}

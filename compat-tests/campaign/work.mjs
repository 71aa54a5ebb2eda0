// What the campaign's apps enqueue: jobs of every kind, each with what must become of it.
import { until } from '../lib/wait.mjs';

/**
 * Adds jobs until `count` are there. Every job has an id of its own, so an app may add it again when it does not know
 * whether Redis took it. Returns what was added: `{ id, end, attempts, children }`, `end` being `completed` or `failed`.
 */
export async function enqueue({ chance, queues, flows, name, count, pace, stopped }) {
  const added = [];
  let number = 0;
  const nextId = () => `j${++number}`;
  while (added.length < count && !stopped()) {
    const app = chance.below(queues.length);
    const job = chance.next() < 0.12 ? flow(chance, nextId, name) : single(chance, nextId);
    await surely(() => (job.children ? flows[app].add(job.node) : queues[app].add(job.name, job.data, job.opts)));
    added.push(...job.expected);
    if (pace > 0) await new Promise((resolve) => setTimeout(resolve, chance.below(pace * 2)));
  }
  return added;
}

/** Repeats a call of an app that an outage may have broken; it must be one that may be made twice. */
export async function surely(call) {
  await until('the app got its call through', async () => {
    try {
      await call();
      return true;
    } catch {
      return false;
    }
  }, { deadline: 60_000, every: 50 });
}

function single(chance, nextId) {
  const jobId = nextId();
  const name = chance.of(['quick', 'quick', 'quick', 'slow', 'flaky', 'flaky', 'doomed']);
  const fails = { flaky: 1 + chance.below(2), doomed: 99 }[name] ?? 0;
  const attempts = { flaky: 4, doomed: 2 }[name] ?? 1;
  const data = { takes: name === 'slow' ? 200 + chance.below(600) : chance.below(12), fails };
  const opts = defined({
    jobId,
    attempts,
    backoff: chance.of([undefined, 30, { type: 'fixed', delay: 50 }, { type: 'exponential', delay: 20, jitter: 0.5 }]),
    delay: chance.maybe(0.2, 1 + chance.below(800)),
    priority: chance.maybe(0.2, 1 + chance.below(4)),
    lifo: chance.maybe(0.1, true),
  });
  const end = name === 'doomed' ? 'failed' : 'completed';
  return { name, data, opts, expected: [{ id: jobId, end, attempts: name === 'doomed' ? 2 : fails + 1, children: 0 }] };
}

function flow(chance, nextId, queueName) {
  const child = () => {
    const fails = chance.below(2);
    const jobId = nextId();
    return { name: 'child', queueName, data: { takes: chance.below(40), fails }, opts: { jobId, attempts: 3 } };
  };
  const children = Array.from({ length: 1 + chance.below(5) }, child);
  const jobId = nextId();
  const node = { name: 'parent', queueName, data: { takes: chance.below(20) }, opts: { jobId }, children };
  const expected = children.map(({ data, opts }) => ({ id: opts.jobId, end: 'completed', attempts: data.fails + 1, children: 0 }));
  return { node, children, expected: [...expected, { id: jobId, end: 'completed', attempts: 1, children: children.length }] };
}

function defined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

// What must be true when the dust has settled; each rule returns what breaks it.
import { readFileSync } from 'node:fs';

/** The ledger's entries, by job id. */
export function readLedger(path) {
  const byJob = new Map();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (!line) continue;
    const entry = JSON.parse(line);
    byJob.set(entry.id, [...(byJob.get(entry.id) ?? []), entry]);
  }
  return byJob;
}

/** Every job ended once, as it had to, after as many attempts as planned, and nothing is left under way. */
export async function checkJobs({ kit, queue, expected, ledger, events }) {
  const faults = [];
  const seen = group(events);
  const ends = { completed: new Set(await kit.redis.zrange(kit.key(queue, 'completed'), 0, -1)), failed: new Set(await kit.redis.zrange(kit.key(queue, 'failed'), 0, -1)) };
  for (const { id, end, attempts, children } of expected) {
    const hash = await kit.redis.hgetall(kit.key(queue, id));
    const complain = (what) => faults.push(`${id} (${hash.name}, by ${hash.pb}): ${what}${hash.failedReason ? `; failed: ${hash.failedReason}` : ''}${hash.stacktrace ? `; ${hash.stacktrace.slice(0, 400)}` : ''}`);
    const where = Object.keys(ends).filter((state) => ends[state].has(id));
    if (where.join() !== end) complain(`is in [${where}], not in ${end}`);
    const terminal = (seen.get(id) ?? []).filter(({ event }) => event === 'completed' || event === 'failed');
    if (terminal.length !== 1) complain(`ended ${terminal.length} times`);
    if (Number(hash.atm) !== attempts) complain(`has made ${hash.atm} attempts, not ${attempts}`);
    if (children > 0 && hash.returnvalue !== JSON.stringify({ children })) complain(`returned ${hash.returnvalue}, it has ${children} children`);
    for (const fault of checkRuns(ledger.get(id) ?? [], seen.get(id) ?? [], end, attempts)) complain(fault);
  }
  for (const state of ['wait', 'active', 'prioritized', 'waiting-children', 'paused', 'delayed', 'stalled']) {
    if (await kit.redis.exists(kit.key(queue, state))) faults.push(`${state} is not empty`);
  }
  const locks = await kit.redis.keys(kit.key(queue, '*:lock'));
  if (locks.length > 0) faults.push(`locks are left: ${locks}`);
  return faults;
}

/** The handler ran again only where a stalled check, or a worker that handed the job back, had put it back. */
function checkRuns(runs, events, end, attempts) {
  const faults = [];
  const starts = runs.filter(({ what }) => what === 'start');
  const claims = events.filter(({ event }) => event === 'active').length;
  const stalls = events.filter(({ event }) => event === 'stalled').length;
  // A retry comes back as `waiting` without `prev: active`, or over `delayed`.
  const putBack = events.filter(({ event, prev }) => event === 'waiting' && prev === 'active').length;
  if (starts.length > claims) faults.push(`started ${starts.length} times, but was claimed only ${claims} times`);
  const tried = new Set(starts.map(({ attempt }) => attempt));
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if (!tried.has(attempt)) faults.push(`attempt ${attempt} was never started`);
  }
  const repeated = starts.length - tried.size;
  if (repeated > putBack) faults.push(`an attempt was started again ${repeated} times, but the job was put back only ${putBack} times (${stalls} stalls)`);
  if (end === 'completed' && !runs.some(({ what }) => what === 'end')) faults.push('completed, but no handler came to its end');
  if (stalls === 0 && runs.filter(({ what }) => what === 'end').length > 1) faults.push('ran to its end twice without ever being stalled');
  return faults;
}

/**
 * A scheduler's chain never broke and never forked: the iterations' slots are all different and on the grid, and each
 * was the next one to come when it was planned.
 */
export function checkScheduler({ id, every, events, tolerance }) {
  const faults = [];
  const planned = new Map();
  const own = `repeat:${id}:`;
  for (const { event, jobId, id: entry } of events) {
    if (event !== 'added' || !jobId.startsWith(own)) continue;
    const slot = Number(jobId.slice(own.length));
    if (planned.has(slot)) faults.push(`${id}: ${slot} was planned twice`);
    planned.set(slot, Number(entry.split('-')[0]));
  }
  const slots = [...planned.keys()].sort((a, b) => a - b);
  slots.slice(1).forEach((slot, index) => {
    const before = slots[index];
    if ((slot - before) % every !== 0) faults.push(`${id}: ${slot} is not a multiple of ${every} ms after ${before}`);
    const skipped = slot - every;
    if (skipped > before && skipped > planned.get(slot) + tolerance) {
      faults.push(`${id}: ${skipped} was left out, although ${slot} was planned at ${planned.get(slot)}`);
    }
  });
  return { faults, iterations: slots.length };
}

function group(events) {
  const byJob = new Map();
  for (const event of events) {
    if (!byJob.has(event.jobId)) byJob.set(event.jobId, []);
    byJob.get(event.jobId).push(event);
  }
  return byJob;
}

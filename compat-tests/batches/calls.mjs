// One batch, in both ways: the calls of stock one by one, and our one call for all.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const { pack } = createRequire(require.resolve('bullmq6'))('msgpackr');
const scripts = Object.fromEntries(Object.values(require('bullmq6/dist/cjs/scripts')).map((script) => [script.name, script]));

const PREFIX = 'bull:q:';
const LOCK_MS = 600_000;
const POINTS = 5;
const of = (names) => names.map((name) => PREFIX + name);

/** What a claim says of the worker; `limiter` and `metrics` as the batch has them. */
const worker = ({ limiter, name }) => ({ lockDuration: LOCK_MS, ...(limiter ? { limiter } : {}), ...(name ? { name } : {}) });

const keepOf = ({ keep }) => keep ?? { count: -1 };

/** Hash fields that go with an outcome, packed, or nothing. */
const fieldsOf = ({ fields }) => (fields ? pack(fields) : '');

/** Stock's call for one outcome: script, keys, arguments. */
const STOCK = {
  completed: (batch, outcome) => finish(batch, outcome, 'completed', 'returnvalue'),
  failed: (batch, outcome) => finish(batch, outcome, 'failed', 'failedReason'),
  delayed: ({ now }, outcome) => [
    'moveToDelayed',
    of(['marker', 'active', 'prioritized', 'delayed', outcome.id, 'events', 'meta', 'stalled', 'wait', 'limiter', 'pc']),
    [PREFIX, now, outcome.id, outcome.token, outcome.value, outcome.skipAttempt ? '1' : '0', fieldsOf(outcome), '0', ''],
  ],
  retry: ({ now }, outcome) => [
    'retryJob',
    of(['active', 'wait', 'paused', outcome.id, 'meta', 'events', 'delayed', 'prioritized', 'pc', 'marker', 'stalled']),
    [PREFIX, now, outcome.value, outcome.id, outcome.token, fieldsOf(outcome)],
  ],
  wait: (_, outcome) => [
    'moveJobFromActiveToWait',
    of(['active', 'wait', 'stalled', 'paused', 'meta', 'limiter', 'prioritized', 'marker', 'events']),
    [outcome.id, outcome.token, PREFIX + outcome.id],
  ],
};

function finish(batch, outcome, target, property) {
  const keys = of(['wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', target, outcome.id, `metrics:${target}`, 'marker']);
  const options = {
    token: outcome.token, keepJobs: keepOf(outcome), attempts: outcome.attempts, maxMetricsSize: batch.metrics ? POINTS : '',
    fpof: false, cpof: false, idof: false, rdof: false, ...worker(batch),
  };
  return ['moveToFinished', keys, [outcome.id, batch.now, property, outcome.value, target, '0', PREFIX, pack(options), fieldsOf(outcome)]];
}

/** Plays the batch with stock's scripts: the code of each outcome, and the ids and tokens of the jobs claimed. */
export async function oneByOne(client, batch) {
  const call = (name, keys, given) => client.eval(scripts[name].content, keys.length, ...keys, ...given);
  const codes = [];
  for (const outcome of batch.outcomes) codes.push(await call(...STOCK[outcome.kind](batch, outcome)));
  const claims = [];
  while (claims.length < batch.wanted) {
    const token = `claim:${claims.length}`;
    const [job, id] = await call(
      'moveToActive',
      of(['wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'marker']),
      [PREFIX, batch.now, pack({ token, ...worker(batch) })],
    );
    if (!job) break;
    claims.push([id, token, hash(job)]);
  }
  return { codes, claims };
}

/** Plays the batch with our script, from the folder of exported ones. */
export async function inOneCall(client, batch, folder) {
  inOneCall.text ??= readFileSync(join(folder, 'finishAndClaim-1.lua'), 'utf8');
  const { now, wanted, outcomes, metrics, limiter, name } = batch;
  const options = { ...(limiter ? { limiter } : {}), ...(name ? { name } : {}), ...(metrics ? { maxMetricsSize: POINTS } : {}) };
  const packed = Object.keys(options).length > 0 ? pack(options) : '';
  const [codes, claims] = await client.eval(inOneCall.text, 1, PREFIX, now, wanted, 'claim', 0, LOCK_MS, 0, packed, ...outcomes.flatMap(groupOf));
  return {
    // No code at all says that each is 0.
    codes: codes.length > 0 ? codes : outcomes.map(() => 0),
    claims: claims.map(([id, before], index) => [id, `claim:${index}`, started(hash(before), batch)]),
  };
}

/** An outcome as a group of its own: kind, rule, how many, and the outcome. */
function groupOf(outcome) {
  const { kind, id, token, value } = outcome;
  return [kind, ruleOf(outcome), 1, id, token, value, ...(kind === 'completed' ? [] : [fieldsOf(outcome)])];
}

function ruleOf({ kind, attempts, skipAttempt, ...outcome }) {
  const keep = keepOf(outcome);
  // The short form, which the worker uses wherever the rule is a count alone.
  if (kind === 'completed' && keep.age === undefined) return keep.count;
  if (kind === 'completed' || kind === 'failed') return pack({ keepJobs: keep, attempts });
  return kind === 'delayed' ? pack({ skipAttempt: skipAttempt ? 1 : 0 }) : '';
}

/** What the start itself adds to a hash, which our reply leaves to the worker. */
function started(job, { now, name }) {
  return { ...job, processedOn: String(now), ats: String(Number(job.ats ?? 0) + 1), ...(name ? { pb: name } : {}) };
}

function hash(flat) {
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]));
}

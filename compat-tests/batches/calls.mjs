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
  inOneCall.text ??= readFileSync(join(folder, 'finishAndClaim-15.lua'), 'utf8');
  const keys = of(['wait', 'active', 'prioritized', 'events', 'stalled', 'limiter', 'delayed', 'paused', 'meta', 'pc', 'completed', 'failed', 'metrics:completed', 'metrics:failed', 'marker']);
  const options = { token: 'claim', first: 0, ...worker(batch), ...(batch.metrics ? { maxMetricsSize: POINTS } : {}) };
  const outcomes = batch.outcomes.flatMap((outcome) => [outcome.kind, outcome.id, outcome.token, outcome.value, optionsOf(outcome), fieldsOf(outcome)]);
  const [codes, claims] = await client.eval(inOneCall.text, keys.length, ...keys, PREFIX, batch.now, pack(options), batch.outcomes.length, batch.wanted, ...outcomes);
  return { codes, claims: claims.map(([id, token, job]) => [id, token, hash(job)]) };
}

function optionsOf(outcome) {
  if (outcome.kind === 'completed' || outcome.kind === 'failed') return pack({ keepJobs: keepOf(outcome), attempts: outcome.attempts });
  return outcome.kind === 'delayed' ? pack({ skipAttempt: outcome.skipAttempt ? 1 : 0 }) : '';
}

function hash(flat) {
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]));
}

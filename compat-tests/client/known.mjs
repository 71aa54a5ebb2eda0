// Where stock and bullrs differ on purpose. Each entry is a row of docs/compatibility.md; a step that would meet one is left
// out of the sequence, or what 5.x writes beside 6.x is taken away before two databases are compared.

import { QUEUES } from './world.mjs';

/** `[name, applies(step, state, version)]`; `state` is the database of stock before the step. */
const KNOWN = [
  ['drain while a scheduler\'s armed job waits', ({ do: name, queue }, state) => name === 'drain' && armed(state, queue).some(({ id }) => isListed(state, queue, id))],
  ['a scheduler changed while its queue is paused', ({ do: name, queue, scheduler }, state, version) =>
    version === 6 && name === 'upsertScheduler' && isPaused(state, queue) && armed(state, queue).some((entry) => entry.scheduler === scheduler)],
  ['a cron scheduler upserted while a job stands on its slot', ({ do: name, queue, scheduler, repeat }, state) =>
    name === 'upsertScheduler' && repeat?.pattern !== undefined && [...state.keys()].some((key) => key.startsWith(`bull:${queue}:repeat:${scheduler}:`)) && armed(state, queue).some((entry) => entry.scheduler === scheduler && entry.exists && !entry.pending)],
  ['an id in `repeat` without its definition', ({ do: name, queue }, state) => ['take', 'takeLimited', 'complete', 'fail', 'schedulers', 'upsertScheduler'].includes(name) && (queue ? [queue] : QUEUES).flatMap((one) => armed(state, one)).some(({ defined }) => !defined)],
  ['removeOrphanedJobs beside metrics or a kept job', ({ do: name, queue }, state) =>
    name === 'removeOrphanedJobs' && [...state.keys()].some((key) => key.startsWith(`bull:${queue}:metrics:failed`) || key === `bull:${queue}:dn:failed`)],
  // What 6.x does otherwise than 5.x, and ours as 6.x: the rows of the table in docs/compatibility.md.
  ...[
    ['5.x: a failed child is failed inside getNextJob', ({ do: name, queue }, state) => ['take', 'takeLimited', 'complete', 'fail'].includes(name) && (queue ? [queue] : QUEUES).flatMap((one) => hashes(state, one)).some(({ defa }) => defa !== undefined)],
    ['5.x: data changed for one run of a scheduler without any is taken for all', ({ do: name, queue, id }, state) => name === 'updateData' && String(id).startsWith('repeat:') && job(state, queue, id)?.rjk !== undefined],
    ['5.x: a job that is to fail counts against a rate limit', ({ do: name, next }, state) =>
      name === 'fail' && next === true && QUEUES.some((one) => hashes(state, one).some(({ opts }) => opts?.includes('"fpof":true')))],
    ['5.x: how many events are trimmed, of which it has more', ({ do: name }) => name === 'trimEvents'],
    ['5.x: resuming a queue with nothing parked wakes nobody', ({ do: name, queue }, state) =>
      name === 'resume' && !state.has(`bull:${queue}:paused`) && (state.has(`bull:${queue}:wait`) || state.has(`bull:${queue}:prioritized`))],
    ['5.x: a backoff of a scheduler that is a number', ({ do: name, template }) => name === 'upsertScheduler' && typeof template?.opts?.backoff === 'number'],
    ['5.x: a finished job that is retried loses its priority', ({ do: name, queue, id }, state) => name === 'retry' && !['0', undefined].includes(job(state, queue, id)?.priority)],
    ['5.x: retryJobs forgets the parents', ({ do: name, queue }, state) => name === 'retryJobs' && hashes(state, queue).some(({ parentKey }) => parentKey !== undefined)],
    ['5.x: a flow over jobs that exist', ({ do: name, tree, trees, jobs, queue, opts }, state) =>
      nodes(name, { tree, trees, jobs, queue, opts }).some(([at, id]) => {
        const existing = job(state, at, id);
        return existing !== undefined && (isIn(state, at, 'completed', id) || (existing.parentKey !== undefined && !state.has(existing.parentKey)));
      })],
    ['5.x: deduplication without its later fixes', ({ do: name, tree, trees, jobs, queue, opts }, state) =>
      nodes(name, { tree, trees, jobs, queue, opts }).some(([at, , { deduplication }]) => {
        if (!deduplication) return false;
        const owner = state.get(`bull:${at}:de:${deduplication.id}`);
        const isStale = owner !== undefined && !state.has(`bull:${at}:${owner.value}`);
        return deduplication.reschedule || isStale || (deduplication.replace && state.has(`bull:${at}:dn:${deduplication.id}`));
      })],
  ].map(([name, applies]) => [name, (step, state, version) => version === 5 && applies(step, state)]),
];

/** Every job that a step would add: its queue, id and options. */
function nodes(name, { tree, trees, jobs, queue, opts }) {
  const walk = (node) => [[node.queueName, node.opts?.jobId, node.opts ?? {}], ...(node.children ?? []).flatMap(walk)];
  if (name === 'add') return [[queue, opts?.jobId, opts ?? {}]];
  if (name === 'addBulk') return jobs.map((one) => [queue, one.opts?.jobId, one.opts ?? {}]);
  if (name === 'addFlow' && tree) return walk(tree);
  return name === 'addFlows' ? (trees ?? []).flatMap(walk) : [];
}

function job(state, queue, id) {
  return id === undefined ? undefined : state.get(`bull:${queue}:${id}`)?.value;
}

/** Every hash of a queue. */
function hashes(state, queue) {
  return [...state].filter(([key, { type }]) => type === 'hash' && key.startsWith(`bull:${queue}:`)).map(([, { value }]) => value);
}

function isIn(state, queue, set, id) {
  return state.get(`bull:${queue}:${set}`)?.value.some(([member]) => member === id) ?? false;
}

/** The name of the known difference that a step would meet. */
export function knownDifference(step, state, version) {
  return KNOWN.find(([, applies]) => applies(step, state, version))?.[0];
}

/** Schedulers of a queue: the job each waits for, and where that is. */
function armed(state, queue) {
  const prefix = `bull:${queue}:`;
  return (state.get(`${prefix}repeat`)?.value ?? []).map(([scheduler, slot]) => {
    const id = `repeat:${scheduler}:${slot}`;
    const pending = isListed(state, queue, id) || ['delayed', 'prioritized'].some((set) => state.get(prefix + set)?.value.some(([member]) => member === id));
    return { scheduler, id, pending, exists: state.has(prefix + id), defined: state.has(`${prefix}repeat:${scheduler}`) };
  });
}

function isListed(state, queue, id) {
  return ['wait', 'paused'].some((list) => state.get(`bull:${queue}:${list}`)?.value.includes(id));
}

function isPaused(state, queue) {
  return state.get(`bull:${queue}:meta`)?.value.paused !== undefined;
}

/** Events of 5.x that 6.x has not, or not in a paused queue. */
const ONLY_5 = ['debounced', 'drained'];

/** What belongs to a language (stack traces), and what only 5.x writes, is taken away on both sides. */
export function settleState(state, version) {
  return new Map([...state].map(([key, entry]) => [key, settleEntry(entry, version)]));
}

function settleEntry({ type, value, ttl }, version) {
  if (version === 5 && type === 'stream') return { type, ttl, value: value.filter(([, event]) => !ONLY_5.includes(event)) };
  if (type !== 'hash') return { type, value, ttl };
  const { nrjid, stacktrace, ...kept } = value;
  return {
    type,
    ttl,
    value: {
      ...kept,
      ...(stacktrace === undefined ? {} : { stacktrace: String(JSON.parse(stacktrace).length) }),
      ...(nrjid === undefined || version === 5 ? {} : { nrjid }),
    },
  };
}

/** A job of many that could not be added: stock answers with a negative number for its id, or not at all. */
export function isToldOnlyByOurs({ do: name }, { answer }, { error }) {
  if (name === 'upsertScheduler') return error === 'invalid' && answer === null; // it has ended already
  return ['addBulk', 'addFlow', 'addFlows'].includes(name) && error === 'partly added' && answer !== undefined;
}

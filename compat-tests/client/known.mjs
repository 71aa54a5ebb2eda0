// Where stock and bullrs differ on purpose. Each entry is a row of docs/compatibility.md; a step that would meet one is left
// out of the sequence, or what 5.x writes beside 6.x is taken away before two databases are compared.

/** `[name, applies(step, state, version)]`; `state` is the database of stock before the step. */
const KNOWN = [
  ['drain while a scheduler\'s armed job waits', ({ do: name, queue }, state) => name === 'drain' && armed(state, queue).some(({ id }) => isListed(state, queue, id))],
  ['a scheduler changed while its queue is paused', ({ do: name, queue, scheduler }, state) =>
    name === 'upsertScheduler' && isPaused(state, queue) && armed(state, queue).some((entry) => entry.scheduler === scheduler)],
  ['a cron scheduler upserted after its armed job has run', ({ do: name, queue, scheduler, repeat }, state) =>
    name === 'upsertScheduler' && repeat?.pattern !== undefined && armed(state, queue).some((entry) => entry.scheduler === scheduler && entry.exists && !entry.pending)],
  ['an id in `repeat` without its definition', ({ do: name, queue }, state) => ['take', 'schedulers', 'upsertScheduler'].includes(name) && armed(state, queue).some(({ defined }) => !defined)],
  ['removeOrphanedJobs beside metrics or a kept job', ({ do: name, queue }, state) =>
    name === 'removeOrphanedJobs' && [...state.keys()].some((key) => key.startsWith(`bull:${queue}:metrics:failed`) || key === `bull:${queue}:dn:failed`)],
  ['a hash that is gone', ({ do: name, queue }, state) => name === 'loseHash' && queue === undefined && state.size < 0],
];

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

/** What belongs to a language (stack traces), and what only 5.x writes, is taken away on both sides. */
export function settleState(state, version) {
  return new Map([...state].map(([key, entry]) => [key, settleEntry(entry, version)]));
}

function settleEntry({ type, value, ttl }, version) {
  if (version === 5 && type === 'stream') return { type, ttl, value: value.filter(([, event]) => event !== 'debounced') };
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

export function settleAnswer(_step, answer) {
  return answer;
}

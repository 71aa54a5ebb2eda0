// Two runs of the same scenario differ in clock readings, stream ids, lock tokens and TTLs, and in nothing else.
// This turns each of those into what it means; every other byte stays.

const DUE_SHIFT = 4096;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const TIME_FIELDS = new Set(['timestamp', 'processedOn', 'finishedOn']);
const TIME_SETS = /:(completed|failed|waiting-children|unsuccessful|repeat)$/;

/**
 * @param dumped what `dump` returned
 * @param options.from, options.to  the clock before the scenario's first step and after its last
 * @param options.offsets  distances (ms) at which the scenario plans something ahead: delays, backoffs, intervals
 * @param options.durations  life times (ms) that keys of the scenario are given
 * @param options.ignore  patterns of keys that are no part of the comparison
 * @param options.drained  false: leave out `drained` events, where chance decides whether a worker finds the queue empty
 * @param options.anyOrder  compare the events of each job in order, but not the jobs among each other (concurrency > 1)
 */
export function normalise(dumped, { from, to, offsets = [], durations = [], ignore = [], drained = true, anyOrder = false }) {
  const clock = new Clock(from, to, offsets, slotsOf(dumped));
  const result = {};
  for (const [key, { type, value, ttl }] of Object.entries(dumped)) {
    if (ignore.some((pattern) => pattern.test(key))) continue;
    result[clock.ids(key)] = {
      type,
      value: forms[type](key, value, clock, { drained, anyOrder }),
      ...(ttl === null ? {} : { expires: lifetime(ttl, to - from, [...durations, 30_000]) }),
    };
  }
  return label(result);
}

/** Says what an instant is in the scenario: within its run, or a planned distance after it. */
class Clock {
  constructor(from, to, offsets, slots) {
    this.slots = slots;
    this.from = from;
    this.to = to;
    this.offsets = [0, ...offsets].sort((a, b) => a - b);
  }

  /** `run` or `run+500`; text that is no such instant comes back as it is. */
  name(value) {
    const at = Number(value);
    const offset = this.offsets.find((ahead) => at - ahead >= this.from && at - ahead <= this.to);
    if (offset === undefined) return value;
    return offset === 0 ? 'run' : `run+${offset}`;
  }

  /** `slot` for the place in its interval that some scheduler's slots have. */
  slot(value) {
    return this.slots.some(({ offset }) => offset === Number(value)) ? 'slot' : value;
  }

  /** Names the instants inside scheduler job ids, `repeat:<scheduler>:<ms>`. */
  ids(text) {
    return text.replace(/(repeat:[^"]*?:)(\d{13})(?!\d)/g, (_, head, at) => `${head}<${this.name(at)}>`);
  }
}

/** Where in its interval each scheduler's slots lie, and the interval: `[offset, every]`, as text and number. */
function slotsOf(dumped) {
  return Object.entries(dumped).flatMap(([key, { type, value }]) => {
    if (type !== 'zset' || !key.endsWith(':repeat')) return [];
    return value.flatMap(([id, slot]) => {
      const every = Number(dumped[`${key}:${id}`]?.value.every);
      return every ? [{ offset: Number(slot) % every, every }] : [];
    });
  });
}

const forms = {
  string: (key, value, clock) => (key.endsWith(':stalled-check') ? clock.name(value) : clock.ids(value)),
  list: (_, value, clock) => value.map((item) => clock.ids(item)),
  set: (_, value, clock) => value.map((item) => clock.ids(item)).sort(),
  zset: (key, value, clock) => {
    const members = value.map(([member, score]) => [clock.ids(member), scoreOf(key, member, score, clock)]);
    // Members of one millisecond stand in the order of their names, so by time alone two runs order them differently.
    return TIME_SETS.test(key) ? members.sort(([a], [b]) => (a < b ? -1 : 1)) : members;
  },
  hash: (key, value, clock) => (/:metrics:(completed|failed)$/.test(key) ? metrics(value, clock) : hash(value, clock)),
  stream: (_, entries, clock, { drained, anyOrder }) => {
    const kept = entries.filter(({ fields }) => drained || fields[0][1] !== 'drained');
    const events = kept.map(({ fields }) => fields.map(([name, value]) => [name, eventField(fields, name, value, clock)]));
    return anyOrder ? byJob(events) : events;
  },
};

function scoreOf(key, member, score, clock) {
  if (key.endsWith(':delayed')) {
    const due = Math.floor(Number(score) / DUE_SHIFT);
    return { due: clock.name(String(due)), order: Number(score) - due * DUE_SHIFT };
  }
  if (key.endsWith(':marker') && member === '1') return clock.name(String(Math.floor(Number(score))));
  return TIME_SETS.test(key) ? clock.name(score) : score;
}

function metrics(value, clock) {
  return { ...value, ...(value.prevTS === undefined ? {} : { prevTS: clock.name(value.prevTS) }) };
}

function hash(value, clock) {
  return Object.fromEntries(
    Object.entries(value).map(([field, text]) => {
      if (TIME_FIELDS.has(field) || field === 'startDate' || field === 'endDate') return [field, clock.name(text)];
      if (field === 'opts') return [field, canonical(text, clock)];
      if (field === 'offset') return [field, clock.slot(text)];
      if (field === 'stacktrace') return [field, stackHeights(text)];
      return [field, clock.ids(text)];
    }),
  );
}

/** cjson writes the keys of an object in no order, so options are compared as values. */
function canonical(text, clock) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const scheduled = value?.repeat !== undefined;
  const walk = (part, name) => {
    if (name === 'offset') return clock.slot(part);
    // A scheduler's job is delayed until its slot, which is as far away as the job that planned it ran early.
    if (scheduled && name === 'delay' && part >= 0 && part <= Math.max(...clock.offsets)) return 'until its slot';
    if (Array.isArray(part)) return part.map((item) => walk(item));
    if (part !== null && typeof part === 'object') {
      return Object.fromEntries(Object.keys(part).sort().map((field) => [field, walk(part[field], field)]));
    }
    if (typeof part === 'number' && ['timestamp', 'prevMillis', 'startDate', 'endDate'].includes(name)) return clock.name(part);
    return typeof part === 'string' ? clock.ids(part) : part;
  };
  return walk(value);
}

/** How many traces there are, and whether each is a text; what a trace says belongs to the language that made it. */
function stackHeights(text) {
  const traces = JSON.parse(text);
  return traces.map((trace) => (typeof trace === 'string' && trace.length > 0 ? 'trace' : trace));
}

function eventField(fields, name, value, clock) {
  const isDue = name === 'delay' && fields.some(([field, event]) => field === 'event' && event === 'delayed');
  return isDue ? clock.name(value) : clock.ids(value);
}

/** Groups events by job, and counts nothing that depends on who was first (`drained`). */
function byJob(events) {
  const jobs = {};
  for (const event of events) {
    const id = event.find(([name]) => name === 'jobId')?.[1];
    if (id !== undefined) (jobs[id] ??= []).push(event);
  }
  return Object.fromEntries(Object.entries(jobs).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The planned life time that a remaining one can come from, given how long the scenario took. */
function lifetime(ttl, elapsed, durations) {
  const planned = durations.sort((a, b) => a - b).find((duration) => ttl <= duration && ttl >= duration - elapsed - 1_000);
  return planned === undefined ? ttl : `within ${planned}`;
}

/** Replaces random ids by the order of their first appearance. */
function label(value) {
  const labels = new Map();
  const text = JSON.stringify(value).replace(UUID, (uuid) => {
    if (!labels.has(uuid)) labels.set(uuid, `uuid-${labels.size + 1}`);
    return labels.get(uuid);
  });
  return JSON.parse(text);
}

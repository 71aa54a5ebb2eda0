// Options of jobs, flows and schedulers, drawn from chance: the usual ones, and odd ones that stock accepts.
import { FORBIDDEN_IDS, GENERATIONS, LIFETIME, ODD_IDS, QUEUES } from './world.mjs';

const KEEP = [true, false, 0, 1, 2, 1_000_000, -1, { count: 1 }, { count: 0 }, { age: 1 }, { age: 1, limit: 1 }, { age: 3_600, count: 2 }, { age: 0.5 }, {}];
const DELAYS = [1, 50, 60, 60, 1_500, 100.5, -50, 0, 31_536_000_000];
const PRIORITIES = [0, 1, 2, 5, 2_097_151];
const ATTEMPTS = [1, 2, 3, 0, -1, 1e9, 1.797e308];
const BACKOFFS = [0, 100, { type: 'fixed', delay: 50 }, { type: 'fixed', delay: 0 }, { type: 'exponential', delay: 40 }, { type: 'exponential', delay: 30, jitter: 0 }];
const POLICIES = ['failParentOnFailure', 'continueParentOnFailure', 'ignoreDependencyOnFailure', 'removeDependencyOnFailure'];

export const NAMES = ['job', 'job', 'job', 'ünïcode ✓', 'with space', '__proto__', 'a:b', 'n'.repeat(100), '0'];

/** Data whose JSON is the same text whoever writes it. */
export const DATA = [
  {}, null, 0, '', true, [], [[], [[]], {}], 'text with "quotes", \\ and /', { nested: { list: [1, 2.5, null] } }, { 'ключ': '👩‍👩‍👧' },
  { negative: -0.5, precise: 0.30000000000000004, edge: Number.MAX_SAFE_INTEGER }, { control: '\u0001\n\t\u007f\u2028' }, ['a', { b: 'c' }],
];

/** Leaves out what is undefined, as JSON does. */
export function defined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Options of one job; `deduplication` and `parent` say whether it may have those. */
export function jobOptions(chance, { deduplication = true, parent = true, ids = true } = {}) {
  const generation = chance.below(GENERATIONS.length);
  const usual = chance.maybe(0.4, chance.of(GENERATIONS[generation]));
  const odd = ids ? chance.maybe(0.05, chance.of(ODD_IDS)) : undefined;
  const mayHaveParent = parent && odd === undefined && usual !== undefined && generation > 0;
  return defined({
    jobId: ids ? (chance.maybe(0.01, chance.of(FORBIDDEN_IDS)) ?? odd ?? usual) : undefined,
    delay: chance.maybe(0.25, chance.of(DELAYS)),
    priority: chance.maybe(0.3, chance.of(PRIORITIES)),
    lifo: chance.maybe(0.15, chance.next() < 0.8),
    attempts: chance.maybe(0.5, chance.of(ATTEMPTS)),
    backoff: chance.maybe(0.4, chance.of(BACKOFFS)),
    removeOnComplete: chance.maybe(0.4, chance.of(KEEP)),
    removeOnFail: chance.maybe(0.4, chance.of(KEEP)),
    keepLogs: chance.maybe(0.2, chance.of([1, 2, 100])),
    stackTraceLimit: chance.maybe(0.2, chance.of([0, 1, 5])),
    timestamp: chance.maybe(0.05, chance.of([1_789_999_999_000, 1_790_000_100_000])),
    sizeLimit: chance.maybe(0.03, chance.of([5, 10_000])),
    telemetry: chance.maybe(0.05, chance.of([{ metadata: '{"traceparent":"00-1-2-01"}' }, { omitContext: true }])),
    deduplication: deduplication ? chance.maybe(0.25, deduplicationOptions(chance)) : undefined,
    ...(mayHaveParent ? chance.maybe(0.4, { parent: parentOptions(chance, generation), ...policy(chance) }) : {}),
  });
}

function parentOptions(chance, generation) {
  return { id: chance.of(GENERATIONS[generation - 1]), queue: `bull:${chance.of(QUEUES)}` };
}

function deduplicationOptions(chance) {
  return defined({
    id: chance.of(['d1', 'd2', 'd 3/ü']),
    ttl: chance.maybe(0.4, chance.of([LIFETIME, 2 * LIFETIME])),
    extend: chance.maybe(0.4, true),
    replace: chance.maybe(0.4, true),
    keepLastIfActive: chance.maybe(0.3, true),
    reschedule: chance.maybe(0.2, true),
  });
}

/** What the failure of a child does to its parent, if anything. */
export function policy(chance) {
  const name = chance.maybe(0.7, chance.of(POLICIES));
  return name ? { [name]: true } : {};
}

/** A flow, each node an earlier generation than its children. */
export function flowNode(chance, generation = 0) {
  const hasChildren = generation === 0 ? chance.next() < 0.95 : generation === 1 && chance.next() < 0.3;
  const children = Array.from({ length: hasChildren ? 1 + chance.below(3) : 0 }, () => flowNode(chance, generation + 1));
  return defined({
    name: `flow-${generation}`,
    queueName: chance.of(QUEUES),
    data: chance.maybe(0.9, chance.of(DATA)),
    opts: {
      ...jobOptions(chance, { deduplication: children.length === 0 && chance.next() < 0.2, parent: false, ids: false }),
      // Never left to chance: an id that differs between the sides also stands elsewhere in a set of Redis.
      jobId: chance.of(GENERATIONS[generation]),
      ...(generation === 0 ? {} : policy(chance)),
    },
    children: children.length > 0 || chance.next() < 0.03 ? children : undefined,
  });
}

/** When a scheduler's jobs come due. */
export function repeatOptions(chance, now) {
  const timing = chance.next() < 0.65
    ? { every: chance.of([1_000, 1_500, 60_000, 86_400_000]), offset: chance.maybe(0.2, chance.of([100, 999])) }
    : { pattern: chance.of(['* * * * *', '*/5 * * * * *', '0 7 * * 1-5', '30 2 29 2 *', '15 30 12 1,15 * *']), tz: chance.maybe(0.6, chance.of(['Europe/Paris', 'America/New_York', 'UTC', 'Asia/Kathmandu'])) };
  return defined({
    ...timing,
    limit: chance.maybe(0.25, chance.of([1, 2, 3, 100])),
    startDate: chance.maybe(0.15, now + chance.of([-100_000, 5_000, 90_000, 86_400_000])),
    endDate: chance.maybe(0.15, now + chance.of([-1_000, 2_000, 200_000, 31_536_000_000])),
    immediately: timing.pattern ? chance.maybe(0.15, true) : undefined,
  });
}

/** The template of a scheduler's jobs. */
export function template(chance) {
  return defined({
    name: chance.maybe(0.8, chance.of(['tick', 'ünïcode ✓'])),
    data: chance.maybe(0.7, chance.of(DATA) ?? {}), // stock's schedulers take `null` for no data
    opts: chance.maybe(0.6, defined({
      priority: chance.maybe(0.4, chance.of(PRIORITIES)),
      attempts: chance.maybe(0.4, chance.of([1, 2, 3])),
      backoff: chance.maybe(0.3, chance.of(BACKOFFS)),
      lifo: chance.maybe(0.2, true),
      removeOnComplete: chance.maybe(0.4, chance.of(KEEP)),
      removeOnFail: chance.maybe(0.4, chance.of(KEEP)),
      keepLogs: chance.maybe(0.2, 1),
    })),
  });
}

// Whether a peer leaves in Redis what stock leaves.
import { dump } from '../../compat-tests/lib/dump.mjs';

const TIME = /\b1[6-9]\d{11}\b/g;

/** What is in a database, without what differs from run to run: times, the order of events, who did it. */
export async function finalState(client) {
  const found = {};
  for (const [key, { type, value }] of Object.entries(await dump(client))) {
    if (type === 'stream') found[key] = count(value.map(({ fields }) => text(fields)));
    else if (type === 'zset') found[key] = value.map(([member]) => member).sort();
    else if (!/:(?:stalled-check|marker)$/.test(key)) found[key] = text(type === 'hash' ? withoutWorker(value) : value);
  }
  return found;
}

function withoutWorker({ version, pb, ...fields }) {
  // The stack of an error names files of the program that raised it.
  if (fields.stacktrace) fields.stacktrace = JSON.parse(fields.stacktrace).length;
  return fields;
}

function text(value) {
  return JSON.stringify(value).replace(TIME, 'time');
}

function count(items) {
  const counts = {};
  for (const item of items.sort()) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

/** What differs between two final states, a line a key. */
export function differences(expected, found) {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])]
    .filter((key) => JSON.stringify(expected[key]) !== JSON.stringify(found[key]))
    .map((key) => `${key}: stock ${brief(expected[key])}, here ${brief(found[key])}`);
}

const brief = (value) => (JSON.stringify(value) ?? 'nothing').slice(0, 160);

// Random patterns, zones and moments; the same seed gives the same ones.
import { createRequire } from 'node:module';

const { DateTime, IANAZone } = createRequire(createRequire(import.meta.url).resolve('bullmq5'))('luxon');

/** A generator of random numbers. */
export class Dice {
  #state;

  constructor(seed) {
    this.#state = BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n + 1n);
  }

  /** From 0 up to but not including 1 (xorshift64*). */
  roll() {
    let x = this.#state;
    x ^= x >> 12n;
    x = BigInt.asUintN(64, x ^ (x << 25n));
    x ^= x >> 27n;
    this.#state = x;
    return Number(BigInt.asUintN(64, x * 0x2545f4914f6cdd1dn) >> 11n) / 2 ** 53;
  }

  int(least, greatest) {
    return least + Math.floor(this.roll() * (greatest - least + 1));
  }

  chance(share) {
    return this.roll() < share;
  }

  of(list) {
    return list[this.int(0, list.length - 1)];
  }
}

export const zones = [
  'UTC',
  'Europe/Paris',
  'Europe/London',
  'Europe/Dublin',
  'America/New_York',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Havana',
  'America/Sao_Paulo',
  'America/Asuncion',
  'America/Santiago',
  'America/Scoresbysund',
  'America/Nuuk',
  'Atlantic/Azores',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Tehran',
  'Asia/Gaza',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Amman',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Auckland',
  'Pacific/Kiritimati',
  'UTC+3',
  'UTC-9:30',
];

const year = (y) => Date.UTC(y, 0, 1);

/** When the clocks of a zone change between two years. */
export function changesOf(name, first = 1975, last = 2037) {
  const zone = IANAZone.isValidZone(name) ? IANAZone.create(name) : undefined;
  if (!zone) return [];
  const changes = [];
  const week = 7 * 86_400_000;
  for (let low = year(first); low < year(last); low += week) {
    let [before, after] = [low, low + week];
    if (zone.offset(before) === zone.offset(after)) continue;
    while (after - before > 1000) {
      const middle = Math.floor((before + after) / 2000) * 1000;
      if (zone.offset(middle) === zone.offset(before)) before = middle;
      else after = middle;
    }
    changes.push(after);
  }
  return changes;
}

const changes = new Map();

/** A moment in a zone: mostly within a day or two of a change of its clocks, if it has any. */
export function moment(dice, tz) {
  if (!changes.has(tz)) changes.set(tz, changesOf(tz));
  const known = changes.get(tz);
  let ms = dice.int(year(1975) / 1000, year(2060) / 1000) * 1000;
  if (known.length && dice.chance(0.8)) {
    const span = dice.of([600, 7200, 86_400, 172_800]);
    ms = dice.of(known) + dice.int(-span, span / 4) * 1000;
  }
  if (dice.chance(0.5)) ms = Math.floor(ms / 60_000) * 60_000;
  if (dice.chance(0.3)) ms = Math.floor(ms / 3_600_000) * 3_600_000;
  if (dice.chance(0.2)) ms += dice.int(0, 999);
  return ms;
}

const fields = [
  { least: 0, greatest: 59 },
  { least: 0, greatest: 59 },
  { least: 0, greatest: 23 },
  { least: 1, greatest: 31, day: true },
  { least: 1, greatest: 12, names: 'JAN feb Mar APR may JUN jul AUG sep OCT nov DEC'.split(' ') },
  { least: 0, greatest: 7, day: true, names: 'SUN mon Tue WED thu FRI sat'.split(' ') },
];

function item(dice, field) {
  const number = () => {
    if (field.names && dice.chance(0.3)) return dice.of(field.names);
    const n = dice.int(field.least, field.greatest);
    return dice.chance(0.05) ? `0${n}` : `${n}`;
  };
  const range = () => {
    const [a, b] = [dice.int(field.least, field.greatest), dice.int(field.least, field.greatest)];
    return `${Math.min(a, b)}-${Math.max(a, b)}`;
  };
  const step = () => (dice.chance(0.9) ? dice.int(1, 30) : dice.int(0, 100));
  const kind = dice.roll();
  if (kind < 0.45) return number();
  if (kind < 0.6) return range();
  if (kind < 0.75) return `*/${step()}`;
  if (kind < 0.82) return `${number()}/${step()}`;
  if (kind < 0.88) return `${range()}/${step()}`;
  if (kind < 0.93 && field.day) return dice.of(['L', `${dice.int(field.least, field.greatest)}L`]);
  if (kind < 0.96 && field.greatest === 7) return `${number()}#${dice.int(1, 5)}`;
  return dice.of(['H', `H/${step()}`, `H(${range()})`, `H(${range()})/${step()}`]);
}

/** A list of numbers, none of them twice: a value that is listed twice is an error. */
function distinct(dice, { least, greatest, day }) {
  const numbers = Array.from({ length: dice.int(2, 5) }, () => dice.int(least, greatest === 7 ? 6 : greatest));
  const list = [...new Set(numbers)];
  if (day && dice.chance(0.2)) list.push(`${dice.int(least, greatest)}L`);
  return list.join(',');
}

function wellFormed(dice) {
  const seconds = dice.chance(0.3);
  const written = fields.slice(seconds ? 0 : 1).map((field) => {
    if (dice.chance(field.greatest === 59 ? 0.25 : 0.45)) return dice.chance(0.95) ? '*' : '?';
    if (dice.chance(0.7)) return item(dice, field);
    if (dice.chance(0.7)) return distinct(dice, field);
    return Array.from({ length: dice.int(2, 4) }, () => item(dice, field)).join(',');
  });
  return written.join(' ');
}

const letters = ['0', '1', '2', '3', '5', '7', '12', '59', '*', '?', ',', '-', '/', 'L', 'H', '#', 'MON', 'jul', 'H(1-3)', 'W', '.', '('];

/** Any characters that a pattern might have in it, in fields of any number. */
function soup(dice) {
  const written = Array.from({ length: dice.int(1, 7) }, () => {
    if (dice.chance(0.5)) return dice.of(['*', '0', '1', '5']);
    return Array.from({ length: dice.int(1, 4) }, () => dice.of(letters)).join('');
  });
  return written.join(dice.of([' ', ' ', '  ', '\t']));
}

/** A pattern that is well formed, with one character changed. */
function damaged(dice) {
  const pattern = wellFormed(dice);
  const at = dice.int(0, pattern.length - 1);
  return pattern.slice(0, at) + dice.of(['', ...letters]) + pattern.slice(at + dice.int(0, 1));
}

const predefined = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@hourly', '@minutely', '@secondly', '@weekdays', '@weekends'];

/** One request for the programs in `parsers.mjs`. */
export function request(dice) {
  const kind = dice.roll();
  const pattern = kind < 0.75 ? wellFormed(dice) : kind < 0.87 ? damaged(dice) : kind < 0.97 ? soup(dice) : dice.of(predefined);
  const tz = dice.of(zones);
  return { pattern, tz, from: moment(dice, tz), count: 3, seed: `seed-${dice.int(0, 999)}` };
}

/** A request with a text that may or may not be a pattern. */
export function textRequest(dice) {
  const pattern = dice.chance(0.5) ? damaged(dice) : soup(dice);
  return { pattern, tz: 'UTC', from: Date.UTC(dice.int(2000, 2040), dice.int(0, 11), dice.int(1, 28)), count: 1, seed: `seed-${dice.int(0, 999)}` };
}

/** A field that both versions of cron-parser read alike. */
function everyday(dice, field) {
  const { least, greatest, day, names } = field;
  const last = greatest === 7 ? 6 : greatest;
  const number = () => (names && dice.chance(0.3) ? names[dice.int(0, names.length - 1)] : dice.int(least, last));
  switch (dice.int(0, 5)) {
    case 0:
      return '*';
    case 1:
      return `${number()}`;
    case 2: {
      const start = dice.int(least, last - 2);
      return `${start}-${dice.int(start + 1, last - 1)}`;
    }
    case 3:
      return greatest === 7 ? '1-5' : `*/${dice.int(2, Math.floor(last / 2))}`;
    case 4:
      return distinct(dice, { least, greatest });
    default:
      return day ? (greatest === 7 ? `${dice.int(0, 7)}L` : dice.of(['L', '?'])) : `${dice.int(least, last)}`;
  }
}

/** A request with a pattern that both versions of cron-parser read alike. */
export function everydayRequest(dice) {
  const written = fields.slice(dice.chance(0.3) ? 0 : 1).map((field) => everyday(dice, field));
  // A single month drops the days it does not have, and version 4 then sees a wildcard in the rest.
  if (!/^(\*|\d+,|\*\/|\d+-)/.test(written.at(-2))) written[written.length - 2] = '*';
  const tz = dice.of(zones);
  return { pattern: written.join(' '), tz, from: moment(dice, tz), count: 3, seed: 'none' };
}

/** Whether a zone's clocks ever change in the middle of an hour, or to it. */
export function changesWithinHour(tz) {
  if (!changes.has(tz)) changes.set(tz, changesOf(tz));
  const minute = (ms) => DateTime.fromMillis(ms, { zone: tz }).minute;
  return changes.get(tz).some((at) => minute(at) !== 0 || minute(at - 1000) !== 59);
}

// Two databases, or two answers, in a form in which equal ones are equal texts.
import { LIFETIME } from './world.mjs';

/** Fields whose JSON cjson wrote: the keys of its objects stand in no order. */
const UNORDERED = ['opts', 'parent'];

/** Real time that may pass between the same step on two sides. */
const SLACK = 60_000;

/** JSON with the keys of objects in order and nothing undefined. */
export function canonical(value) {
  const sort = (part) => {
    if (part === null || typeof part !== 'object') return part;
    if (Array.isArray(part)) return part.map(sort);
    return Object.fromEntries(Object.keys(part).filter((name) => part[name] !== undefined).sort().map((name) => [name, sort(part[name])]));
  };
  return JSON.stringify(sort(value)) ?? 'null';
}

/** A database as `Map` of key to canonical text, and the life times aside. */
export function settled(state) {
  const result = new Map();
  for (const [key, { type, value, ttl }] of state) result.set(key, { text: canonical({ type, value: shaped(type, value) }), ttl });
  return result;
}

function shaped(type, value) {
  if (type === 'set') return [...value].sort();
  if (type !== 'hash') return value;
  return Object.fromEntries(Object.entries(value).map(([field, text]) => [field, UNORDERED.includes(field) ? parsed(text) : text]));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The first difference between two databases, or nothing. */
export function stateDifference(left, right) {
  for (const key of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [a, b] = [left.get(key), right.get(key)];
    if (a?.text !== b?.text) return { where: key, stock: a && JSON.parse(a.text), other: b && JSON.parse(b.text) };
    if ((a.ttl === null) !== (b.ttl === null) || Math.abs((a.ttl ?? 0) - (b.ttl ?? 0)) > SLACK) {
      return { where: `${key} (life time)`, stock: a.ttl, other: b.ttl };
    }
  }
  return undefined;
}

/** What is left of a life time, as the whole one. */
export function wholeLifetime(rest) {
  return typeof rest === 'number' && rest > 0 ? Math.ceil(rest / LIFETIME) * LIFETIME : rest;
}

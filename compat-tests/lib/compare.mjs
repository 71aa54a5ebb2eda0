// Each scenario becomes a test for each stock version: what bullrs leaves equals what a stock worker leaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stockDriver } from '../drivers/stock.mjs';
import { againstStock, driverUnderTest } from './drivers.mjs';
import { checkInvariants } from './invariants.mjs';
import { Lab } from './redis.mjs';
import { runScenario } from './scenario.mjs';
import { stock, stockVersion, VERSIONS } from './stock.mjs';

/**
 * Differences between the versions that bullrs settles in favour of 6.x, whatever the app runs; each names the row of
 * WIRE §8.1 that says so. They are applied to what stock 5.x left.
 */
const SETTLED_AS_6 = [
  // Row 14: 5.x writes the next iteration's id into the job that made it.
  (value) => dropField(value, 'nrjid'),
];

function settledAs6(normal) {
  return SETTLED_AS_6.reduce((value, settle) => settle(value), normal);
}

export async function compareAll(scenarios) {
  const lab = await Lab.start();
  for (const scenario of scenarios) {
    for (const version of scenario.versions ?? VERSIONS) {
      test(`${scenario.name} (app on bullmq ${stockVersion(version)})`, { timeout: 120_000 }, async () => {
        const driver = driverUnderTest(version);
        const reference = await runScenario(stockDriver(version), stock(version), lab, scenario);
        const candidate = await runScenario(driver, stock(version), lab, scenario);
        const settle = (normal) => (version === 5 ? settledAs6(normal) : normal);
        checkInvariants(candidate.left);
        assertEqual(settle(reference.normal), againstStock ? settle(candidate.normal) : candidate.normal, driver.name);
      });
    }
  }
}

/** Fails with every difference between what stock left and what `name` did. */
export function assertEqual(theirs, ours, name) {
  const differences = differencesBetween(theirs, ours);
  assert.equal(differences.length, 0, report(differences, name));
}

/** Every place where two values differ, as `[path, theirs, ours]`. */
function differencesBetween(theirs, ours, path = []) {
  if (Object.is(theirs, ours)) return [];
  const isTree = (value) => value !== null && typeof value === 'object';
  if (!isTree(theirs) || !isTree(ours) || Array.isArray(theirs) !== Array.isArray(ours)) return [[path, theirs, ours]];
  const names = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  return [...names].flatMap((name) => differencesBetween(theirs[name], ours[name], [...path, name]));
}

function report(differences, name) {
  const show = (value) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 300));
  const lines = differences.slice(0, 25).map(([path, theirs, ours]) => `  ${path.join(' › ')}\n    stock:  ${show(theirs)}\n    ${name}: ${show(ours)}`);
  return `${differences.length} differences between what stock and ${name} left:\n${lines.join('\n')}`;
}

function dropField(value, field) {
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      if (entry.type !== 'hash' || !(field in entry.value)) return [key, entry];
      const { [field]: _dropped, ...kept } = entry.value;
      return [key, { ...entry, value: kept }];
    }),
  );
}

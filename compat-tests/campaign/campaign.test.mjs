// A short campaign in the test command; the long ones are run by hand (`run.mjs`).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lab } from '../lib/redis.mjs';
import { campaign } from './campaign.mjs';

for (const [versions, seed] of [[[6], 1], [[5, 6], 2]]) {
  test(`nothing is lost and nothing ends twice, with apps on ${versions}`, { timeout: 240_000 }, async () => {
    const lab = await Lab.start({ appendOnly: true });
    const { figures, broken } = await campaign({ lab, seed, versions });
    assert.deepEqual(broken, [], JSON.stringify(figures));
    assert.ok(figures.jobs >= 300 && figures.starts > figures.jobs, 'the work was done');
    assert.ok(Object.keys(figures.faults).length >= 2, 'faults were caused');
    assert.ok(figures.iterations > 2, 'the schedulers ran');
  });
}

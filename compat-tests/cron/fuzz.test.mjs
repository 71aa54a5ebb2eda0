// Random patterns, zones and moments through stock cron-parser and through ours.
//
// A failure names its seed; repeat it with BULLRS_FUZZ_SEED. BULLRS_FUZZ_CASES asks for more cases
// than fit into a usual test run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice, changesOf, everydayRequest, request, textRequest } from './cases.mjs';
import { intended } from './intended.mjs';
import { bullrs, cronParser4, cronParser5, shown } from './parsers.mjs';

const seed = Number(process.env.BULLRS_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
const cases = Number(process.env.BULLRS_FUZZ_CASES ?? 1200);
const batch = 2000;

/** Runs `check` for `count` requests with our answers to them, a batch at a time. */
async function forAll(dice, count, make, check) {
  for (let done = 0; done < count; done += batch) {
    const requests = Array.from({ length: Math.min(batch, count - done) }, () => make(dice));
    const answers = await bullrs(requests);
    requests.forEach((request, i) => check(request, answers[i]));
  }
}

function same(a, b) {
  if (a.error !== undefined || b.error !== undefined) return a.error !== undefined && b.error !== undefined;
  return a.next.length === b.next.length && a.next.every((ms, i) => ms === b.next[i]);
}

/** Compares with cron-parser 5; a difference must be an intended one. Tells what was counted. */
async function compare(t, dice, count, make) {
  const counted = { refused: 0, never: 0 };
  await forAll(dice, count, make, (request, ours) => {
    const stock = cronParser5(request);
    if (stock.error !== undefined) counted.refused += 1;
    else if (stock.next.length === 0) counted.never += 1;
    if (same(ours, stock)) return;
    const reason = intended(request, ours, stock);
    assert.ok(reason, `seed ${seed}\n  ours  ${shown(request, ours)}\n  stock ${shown(request, stock)}`);
    counted[reason] = (counted[reason] ?? 0) + 1;
  });
  t.diagnostic(JSON.stringify(counted));
  return counted;
}

test(`any pattern in any zone is next due when cron-parser 5 says (seed ${seed}, ${cases} cases)`, async (t) => {
  const { refused } = await compare(t, new Dice(seed), cases, request);
  assert.ok(refused < cases / 2, 'most patterns are accepted');
});

test(`any text is read or refused as by cron-parser 5 (seed ${seed}, ${cases * 2} cases)`, async (t) => {
  const { refused } = await compare(t, new Dice(seed + 2), cases * 2, textRequest);
  assert.ok(refused < cases * 2, 'some texts are accepted');
});

test(`everyday patterns are next due when cron-parser 4 and 5 say (seed ${seed}, ${cases / 4} cases)`, async () => {
  await forAll(new Dice(seed + 1), cases / 4, everydayRequest, (request, ours) => {
    assert.equal(ours.error, undefined, `seed ${seed}: ${shown(request, ours)}`);
    // Where clocks change, the two versions differ.
    const years = [request.from, ours.next.at(-1) ?? request.from].map((ms) => new Date(ms).getUTCFullYear());
    const changed = changesOf(request.tz, years[0], years[1] + 1).some((at) => at > request.from - 86_400_000 && at < (ours.next.at(-1) ?? 0) + 86_400_000);
    for (const stock of changed ? [cronParser5] : [cronParser5, cronParser4]) {
      const theirs = stock(request);
      assert.ok(same(ours, theirs) || intended(request, ours, theirs), `seed ${seed}\n  ours  ${shown(request, ours)}\n  stock ${shown(request, theirs)}`);
    }
  });
});

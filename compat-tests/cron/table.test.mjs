// The fixed table through stock cron-parser and through ours.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { bullrs, cronParser4, cronParser5, shown } from './parsers.mjs';
import { alike, changed, halfHour, never, places, rare, refused } from './table.mjs';

const accepted = [...alike, ...Object.values(changed).flat()];
const ordinary = places.filter((place) => place.alike !== false);

/** One request for each pattern, zone and moment. */
function requests(patterns, where, moments = Infinity) {
  return patterns.flatMap((pattern) =>
    where.flatMap(({ tz, from }) => from.slice(0, moments).map((text) => ({ pattern, tz, from: Date.parse(text), count: 1, seed: 'table' }))),
  );
}

function verdict(answer) {
  return answer.error === undefined ? answer.next.join(' ') : 'refused';
}

test(`${accepted.length} patterns are next due when cron-parser 5 says, whatever the clocks do`, async () => {
  const asked = requests(accepted, places);
  const answers = await bullrs(asked);
  for (const [i, request] of asked.entries()) {
    const stock = cronParser5(request);
    const twice = changed['a value listed twice is refused'].includes(request.pattern);
    assert.equal(stock.error !== undefined, twice, shown(request, stock));
    if (twice) assert.match(answers[i].error ?? 'accepted', / listed twice/, request.pattern);
    else assert.equal(shown(request, answers[i]), shown(request, stock));
  }
});

test(`${alike.length} patterns are next due when cron-parser 4 says`, async () => {
  const asked = requests(alike, ordinary, 1);
  const answers = await bullrs(asked);
  asked.forEach((request, i) => assert.equal(shown(request, answers[i]), shown(request, cronParser4(request))));
});

for (const [difference, patterns] of Object.entries(changed)) {
  test(`cron-parser 5 differs from 4: ${difference}`, () => {
    for (const pattern of patterns) {
      const asked = requests([pattern], ordinary);
      assert.ok(asked.some((request) => verdict(cronParser4(request)) !== verdict(cronParser5(request))), `${pattern} is read alike`);
    }
  });
}

test('where clocks go back by half an hour, cron-parser 5 gives up, and ours goes on as 4 does', async () => {
  const { patterns, tz, from } = halfHour;
  const asked = patterns.map((pattern) => ({ pattern, tz, from: Date.parse(from), count: 3 }));
  const answers = await bullrs(asked);
  for (const [i, request] of asked.entries()) {
    assert.equal(cronParser5(request).gaveUp, true, request.pattern);
    assert.equal(shown(request, answers[i]), shown(request, cronParser4(request)));
  }
});

test(`${rare.length} patterns fit once in a generation, also across the year 2100`, async () => {
  const asked = rare.map((pattern) => ({ pattern, tz: 'UTC', from: Date.UTC(2024, 2, 1), count: 4 }));
  const answers = await bullrs(asked);
  asked.forEach((request, i) => assert.equal(shown(request, answers[i]), shown(request, cronParser5(request))));
});

test(`${never.length} patterns never fit, and no search is endless`, async () => {
  const asked = never.map((pattern) => ({ pattern, tz: 'UTC', from: Date.UTC(2024, 0, 1), count: 1 }));
  const answers = await bullrs(asked);
  for (const [i, request] of asked.entries()) {
    assert.deepEqual(answers[i], { next: [] });
    assert.deepEqual(cronParser5(request), { next: [], gaveUp: true });
  }
});

test(`${refused.length} patterns are refused by all, and ours says of which field`, async () => {
  const asked = refused.map((pattern) => ({ pattern, tz: 'UTC', from: 0, count: 1 }));
  const answers = await bullrs(asked);
  for (const [i, request] of asked.entries()) {
    assert.match(answers[i].error ?? 'accepted', /^`pattern` (has a bad (second|minute|hour|day of month|month|day of week) field `|must )/, request.pattern);
    assert.ok(cronParser5(request).error, request.pattern);
    assert.ok(cronParser4(request).error, request.pattern);
  }
});

test('zones are known by the names that Luxon takes', async () => {
  const known = ['UTC', 'utc', 'GMT', 'Etc/UTC', 'UTC+3', 'UTC-03:30', 'utc+5:45', 'UTC+14', 'europe/paris', 'EST', 'EST5EDT', 'PST', 'IST', 'Asia/Calcutta', 'US/Eastern', 'Etc/GMT+3', 'local', 'system', 'Zulu'];
  const unknown = ['', ' UTC', '+03:00', '+3', '-0300', 'Z', 'GMT+3', 'UTC+', 'UTC+5:3', 'EDT', 'Nope', 'Europe/', 'right/UTC', 'posix/UTC', 'localtime', 'Factory'];
  const asked = [...known, ...unknown].map((tz) => ({ pattern: '0 9 * * *', tz, from: Date.UTC(2024, 6, 1), count: 1 }));
  const answers = await bullrs(asked);
  asked.forEach((request, i) => {
    assert.equal(verdict(answers[i]), verdict(cronParser5(request)), request.tz);
    assert.equal(answers[i].error === undefined, known.includes(request.tz), request.tz);
  });
});

test("a schedule's dates bound its times as stock's own strategy has it", async () => {
  const { defaultRepeatStrategy } = createRequire(import.meta.url)('bullmq6');
  const day = 86_400_000;
  const from = Date.UTC(2024, 2, 30, 12);
  const dates = [{}, { startDate: from - day }, { startDate: from + 3 * day }, { startDate: '2024-04-02T00:00:00Z' }, { endDate: from + day / 2 + 3_600_000 }, { endDate: from + 5 * day }, { endDate: Date.UTC(2024, 3, 1, 7) }, { startDate: from + day, endDate: from + 2 * day }, { startDate: 0, endDate: '' }];
  const asked = dates.flatMap((bounds) => ['0 7 * * *', '30 2 * * *', '*/5 * * * * *'].map((pattern) => ({ pattern, tz: 'Europe/Paris', from, count: 1, ...bounds })));
  const answers = await bullrs(asked);
  asked.forEach(({ from, count, ...repeat }, i) => {
    const stock = defaultRepeatStrategy(from, repeat, 'name');
    assert.deepEqual(answers[i].next, stock === undefined ? [] : [stock], JSON.stringify(repeat));
  });
});

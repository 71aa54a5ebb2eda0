// What the client differential rests on: stock equals itself, and a fault is found and made small.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PrivateRedis } from '../../tasks/servers.mjs';
import { stockVersion, VERSIONS } from '../lib/stock.mjs';
import { Arena } from './arena.mjs';
import { hunt } from './hunt.mjs';

const server = await PrivateRedis.start();
after(() => server.stop());

for (const version of VERSIONS) {
  test(`stock ${stockVersion(version)} differs in nothing from itself`, { timeout: 120_000 }, async () => {
    const arena = await Arena.open(server, version, 'stock');
    try {
      for (let seed = 1; seed <= 8; seed += 1) assert.equal((await hunt(arena.duel, seed))?.report, undefined);
    } finally {
      await arena.close();
    }
  });
}

/** Faults planted on one side: what is done wrong after a step, or to its answer, and the step that shows it. */
const FAULTS = [
  {
    name: 'a field that is left as it was',
    after: async ({ do: name, queue, id }, outcome, redis) => {
      if (name === 'promote' && !outcome.error) await redis.hset(`bull:${queue}:${id}`, 'delay', '1');
      return outcome;
    },
    last: 'promote',
  },
  {
    name: 'an event that is missing',
    after: async ({ do: name, queue }, outcome, redis) => {
      const [newest] = name === 'retry' && !outcome.error ? await redis.xrevrange(`bull:${queue}:events`, '+', '-', 'COUNT', 1) : [];
      if (newest) await redis.xdel(`bull:${queue}:events`, newest[0]);
      return outcome;
    },
    last: 'retry',
  },
  {
    name: 'two ids that change places in a list',
    after: async ({ do: name, queue }, outcome, redis) => {
      if (name === 'resume' && (await redis.llen(`bull:${queue}:wait`)) > 1) await redis.rpoplpush(`bull:${queue}:wait`, `bull:${queue}:wait`);
      return outcome;
    },
    last: 'resume',
  },
  {
    name: 'another kind of refusal',
    after: async ({ do: name }, outcome) => (name === 'promote' && outcome.error === 'wrong state' ? { error: 'job not found' } : outcome),
    last: 'promote',
  },
];

for (const { name, after: spoil, last } of FAULTS) {
  test(`${name} is found, and shown in a few steps`, { timeout: 120_000 }, async () => {
    const arena = await Arena.open(server, 6, 'stock');
    const { right } = arena.duel;
    const play = right.play.bind(right);
    right.play = async (step, now) => spoil(step, await play(step, now), right.redis);
    try {
      let found;
      for (let seed = 1; seed <= 40 && !found; seed += 1) found = await hunt(arena.duel, seed);
      assert.ok(found, 'no seed showed it');
      assert.equal(found.difference.step, last, found.report);
      assert.ok(found.steps.length <= 6, found.report);
      assert.deepEqual((await arena.duel.replay(found.steps)).difference, found.difference, 'it can be played again');
    } finally {
      await arena.close();
    }
  });
}

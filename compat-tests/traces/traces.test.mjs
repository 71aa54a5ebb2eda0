// Golden traces: short sequences with what each step answers and what is left, to the last field. Each is played by stock 6.x,
// so that a fixture cannot rot, and by the Rust client.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readdirSync, readFileSync } from 'node:fs';
import { PrivateRedis } from '../../tasks/servers.mjs';
import { Arena } from '../client/arena.mjs';
import { againstStock } from '../lib/drivers.mjs';
import { playTrace } from './play.mjs';

const server = await PrivateRedis.start();
after(() => server.stop());
const arena = await Arena.open(server, 6, againstStock ? 'stock' : 'agent');
after(() => arena.close());

const folder = new URL('.', import.meta.url);
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
  const trace = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  for (const side of [arena.duel.left, arena.duel.right]) {
    test(`${trace.name}, by ${side.name}`, { timeout: 30_000 }, async () => {
      const { answers, leaves } = await playTrace(arena.duel, side, trace);
      assert.deepEqual(answers, trace.answers, 'answers');
      assert.deepEqual(leaves, trace.leaves, 'what is left');
    });
  }
}

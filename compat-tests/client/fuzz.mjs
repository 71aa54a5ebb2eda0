// By hand: `node compat-tests/client/fuzz.mjs --seeds 1..5000 --versions 5,6 [--against agent|scripts|stock] [--steps 60]
// [--keep-going]`. Ends with 1 when any seed shows a difference.
import { parseArgs } from 'node:util';
import { PrivateRedis } from '../../tasks/servers.mjs';
import { hunt } from './hunt.mjs';
import { Arena } from './arena.mjs';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1..100' },
    versions: { type: 'string', default: '5,6' },
    against: { type: 'string', default: 'agent' },
    steps: { type: 'string', default: '60' },
    'keep-going': { type: 'boolean', default: false },
  },
});
const [from, to = from] = values.seeds.split('..').map(Number);
const server = await PrivateRedis.start();
let differing = 0;
try {
  for (const version of values.versions.split(',').map(Number)) {
    const arena = await Arena.open(server, version, values.against);
    try {
      const began = performance.now();
      for (let seed = from; seed <= to; seed += 1) {
        const found = await hunt(arena.duel, seed, { length: Number(values.steps) });
        if (seed % 100 === 0) console.error(`bullmq ${version}: seed ${seed}, ${differing} differ`);
        if (found) {
          differing += 1;
          console.log(found.report);
          if (!values['keep-going']) break;
        }
      }
      const seconds = (performance.now() - began) / 1000;
      console.log(`bullmq ${version} against ${arena.duel.right.name}: seeds ${values.seeds} in ${seconds.toFixed(0)} s, ${differing} differ`);
      console.log(JSON.stringify(arena.duel.counts));
    } finally {
      await arena.close();
    }
  }
} finally {
  await server.stop();
}
process.exitCode = differing ? 1 : 0;

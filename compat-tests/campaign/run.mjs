// Campaigns by hand: `node compat-tests/campaign/run.mjs [--minutes 30] [--seed 1] [--jobs 3000] [--versions 5,6] [--skew 300]`.
// Prints the figures of each as a line of JSON; ends with 1 after the first that broke a rule.
import { parseArgs } from 'node:util';
import { PrivateRedis } from '../../tasks/servers.mjs';
import { runTask } from '../../tasks/children.mjs';
import Redis from 'ioredis';
import { campaign } from './campaign.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '3000' },
    versions: { type: 'string' },
    rust: { type: 'string', default: '2' },
    skew: { type: 'string', default: '300' },
  },
});

/** What `campaign` needs of a test's lab: a server, and an empty database of it. */
async function bareLab() {
  const server = await PrivateRedis.start({ appendOnly: true });
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null };
  const client = new Redis(connection);
  client.on('error', () => {});
  const database = async () => ({ url: `${server.url}/0`, client, connection });
  return { server, database, stop: () => (client.disconnect(), server.stop()) };
}

await runTask(async () => {
  const end = Date.now() + Number(values.minutes) * 60_000;
  for (let seed = Number(values.seed); Date.now() < end; seed += 1) {
    const versions = values.versions ? values.versions.split(',').map(Number) : [[5], [6], [5, 6]][seed % 3];
    const lab = await bareLab();
    const { figures, broken } = await campaign({ lab, seed, versions, rust: Number(values.rust), jobs: Number(values.jobs), skew: Number(values.skew) });
    await lab.stop();
    console.log(JSON.stringify({ versions, ...figures, broken: broken.length }));
    if (broken.length > 0) {
      console.log(broken.slice(0, 50).join('\n'));
      return 1;
    }
  }
  return 0;
});

// Stock bullmq through ioredis' Cluster on one side, the binary on the other, three masters between them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from 'ioredis';
import { freePort, PrivateRedis } from '../../tasks/servers.mjs';
import { bullrs, RustWorker } from '../lib/rust.mjs';
import { stock, VERSIONS } from '../lib/stock.mjs';
import { until, within } from '../lib/wait.mjs';
import Redis from 'ioredis';

const RANGES = [[0, 5460], [5461, 10922], [10923, 16383]];
const nodes = [];
const open = new Set();

/** Keeps something that must be closed, whatever becomes of the test. */
function closing(it) {
  open.add(it);
  return it;
}

before(async () => {
  for (const [epoch, [first, last]] of RANGES.entries()) {
    const bus = await freePort();
    const node = await PrivateRedis.start({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(bus)] });
    node.bus = bus;
    node.client = new Redis(node.port, '127.0.0.1');
    await node.client.call('CLUSTER', 'SET-CONFIG-EPOCH', epoch + 1);
    await node.client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
    nodes.push(node);
  }
  for (const node of nodes.slice(1)) await nodes[0].client.call('CLUSTER', 'MEET', '127.0.0.1', node.port, node.bus);
  for (const node of nodes) {
    await until('the cluster to be one', async () => {
      const info = await node.client.call('CLUSTER', 'INFO');
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
    });
  }
});

after(async () => {
  for (const it of open) await it.close();
  for (const node of nodes) {
    node.client.disconnect();
    await node.stop();
  }
});

function connect() {
  const cluster = new Cluster(
    nodes.map((node) => ({ host: '127.0.0.1', port: node.port })),
    { redisOptions: { maxRetriesPerRequest: null } },
  );
  closing({ close: async () => cluster.disconnect() });
  return cluster;
}

const url = () => `redis+cluster://${nodes.map((node) => `127.0.0.1:${node.port}`).join(',')}`;

for (const version of VERSIONS) {
  test(`jobs that bullmq ${version}.x adds through ioredis' Cluster are run by the binary`, async () => {
    const { FlowProducer, Queue, QueueEvents } = stock(version);
    const options = { connection: connect(), prefix: '{bull}' };
    const queue = closing(new Queue(`q${version}`, options));
    const events = closing(new QueueEvents(`q${version}`, { ...options, connection: connect() }));
    const flows = closing(new FlowProducer({ ...options, connection: connect() }));
    await events.waitUntilReady();
    const worker = new RustWorker({ url: url(), queues: `q${version}`, concurrency: 5, mode: 'echo', flags: { prefix: '{bull}', name: 'w1' } });
    await worker.ready();

    const jobs = await queue.addBulk(Array.from({ length: 50 }, (_, i) => ({ name: 'x', data: { i } })));
    jobs.push(await queue.add('later', { i: 50 }, { delay: 50 }), await queue.add('urgent', { i: 51 }, { priority: 1 }));
    for (const [i, job] of jobs.entries()) {
      assert.deepEqual(await within('a result', job.waitUntilFinished(events)), { i });
    }
    const flow = await flows.add({
      name: 'parent',
      queueName: `q${version}`,
      data: { of: 2 },
      children: [1, 2].map((child) => ({ name: 'child', queueName: `q${version}`, data: { child } })),
    });
    assert.deepEqual(await within('the parent', flow.job.waitUntilFinished(events)), { of: 2 });
    assert.equal(await queue.getCompletedCount(), 55);

    const workers = await queue.getWorkers();
    assert.deepEqual(workers.map(({ name, rawname }) => [name, rawname]), [
      [`q${version}`, `{bull}:${Buffer.from(`q${version}`).toString('base64')}:w:w1`],
    ]);
    assert.deepEqual(await worker.stop(), { code: 0, signal: null });
  });
}

test('a prefix without a hash tag is refused with the fix for both sides', async () => {
  const { code, stderr } = await bullrs(['bench', 'worker', '--queues', 'q', '--mode', 'noop', '--redis-url', nodes[0].url]);
  assert.equal(code, 2);
  assert.match(stderr, /the keys of queue `q` lie in different slots/);
  assert.match(stderr, /`--prefix '\{bull\}'`/);
  assert.match(stderr, /`prefix: '\{bull\}'` to every Queue, Worker, QueueEvents and FlowProducer of the app/);
});

// The command line as a user meets it: exit codes, messages, and no secret in either.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { againstStock } from '../lib/drivers.mjs';
import { bullrs, RustWorker } from '../lib/rust.mjs';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { freePort } from '../../tasks/servers.mjs';
import { until } from '../lib/wait.mjs';

const lab = await Lab.start();
const skip = againstStock && 'needs bullrs';
const SECRET = 'hunter2-hunter2';

test('--help and --version', { skip }, async () => {
  const help = await bullrs(['--help']);
  assert.equal(help.code, 0);
  for (const command of ['worker', 'migrate', 'payload', 'scripts', 'bench']) assert.match(help.stdout, new RegExp(`^\\s+${command}\\b`, 'm'));
  assert.equal(help.stderr, '');
  const version = await bullrs(['--version']);
  assert.match(version.stdout, /^bullrs \d+\.\d+\.\d+\n$/);
});

test('every flag of the worker is explained', { skip }, async () => {
  const { code, stdout } = await bullrs(['worker', '--help']);
  assert.equal(code, 0);
  for (const flag of ['queues', 'concurrency', 'redis-url', 'database-url', 'no-store', 'prefix', 'lock-duration', 'stalled-interval', 'max-stalled', 'name', 'burst', 'drain', 'log-format']) {
    assert.match(stdout, new RegExp(`--${flag}\\b`), flag);
  }
});

const WRONG = [
  ['an unknown flag', ['worker', '--quues', 'a'], /--quues|--queues/],
  ['no queues', ['worker', '--no-store'], /queues/],
  ['a duration that is none', ['worker', '--queues', 'a', '--no-store', '--drain', 'soon'], /drain|soon/],
  ['a concurrency of zero', ['worker', '--queues', 'a', '--no-store', '--concurrency', '0'], /concurrency/],
  ['an unknown mode', ['bench', 'worker', '--queues', 'a', '--mode', 'dance'], /dance/],
  ['a queue name with a colon', ['worker', '--queues', 'a:b:c', '--no-store'], /a:b:c|queue/],
  ['an unknown command', ['wrok'], /wrok/],
  ['an address of no kind', ['worker', '--queues', 'a', '--no-store', '--redis-url', 'http://localhost'], /redis/i],
];

for (const [name, args, mentions] of WRONG) {
  test(`wrong use, ${name}: exit code 2, and what is wrong`, { skip }, async () => {
    const { code, stdout, stderr } = await bullrs(args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, mentions);
    assert.ok(stderr.split('\n').length < 15, `a short message, not:\n${stderr}`);
  });
}

test('an unreachable Redis: exit code 3, and which', { skip }, async () => {
  const port = await freePort();
  const { code, stderr } = await bullrs(['worker', '--queues', 'a', '--no-store', '--redis-url', `redis://user:${SECRET}@127.0.0.1:${port}/0`]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.ok(!stderr.includes(SECRET), stderr);
});

test('an unreachable database: exit code 3, and no password', { skip }, async () => {
  const { url } = await lab.database();
  const port = await freePort();
  const { code, stdout, stderr } = await bullrs(['worker', '--queues', 'a', '--redis-url', url, '--database-url', `postgres://user:${SECRET}@127.0.0.1:${port}/app`]);
  assert.equal(code, 3, stderr);
  assert.ok(!`${stdout}${stderr}`.includes(SECRET), stderr);
});

test('a wrong Redis password: exit code 3, and no password', { skip }, async () => {
  const { url, client } = await lab.database();
  await client.acl('SETUSER', 'app', 'on', '>right-password', '~*', '&*', '+@all');
  const { code, stdout, stderr } = await bullrs(['worker', '--queues', 'a', '--no-store', '--redis-url', url.replace('//', `//app:${SECRET}@`)]);
  assert.equal(code, 3, stderr);
  assert.ok(!`${stdout}${stderr}`.includes(SECRET), stderr);
});

test('a worker whose address has a password does its work and prints it nowhere', { skip }, async () => {
  const { url, client } = await lab.database();
  await client.acl('SETUSER', 'worker', 'on', `>${SECRET}`, '~*', '&*', '+@all');
  const worker = new RustWorker({ url: url.replace('//', `//worker:${SECRET}@`), queues: ['q'], mode: 'noop', concurrency: 1, flags: { 'log-level': 'trace' } });
  await client.hset('bull:q:1', 'name', 'n', 'data', '{}', 'opts', '{}', 'timestamp', '1', 'delay', '0', 'priority', '0');
  await client.lpush('bull:q:wait', '1');
  await client.zadd('bull:q:marker', 0, '0');
  await until('the job is completed', async () => (await client.zcard('bull:q:completed')) === 1, { explain: () => worker.tail() });
  await worker.stop();
  assert.ok(!JSON.stringify(worker.log).includes(SECRET));
});

test('scripts export writes what stock needs', { skip }, async () => {
  const files = readdirSync(await exportScripts());
  for (const file of ['moveToFinished-14.lua', 'addStandardJob-9.lua', 'moveToActive-11.lua']) assert.ok(files.includes(file), file);
});

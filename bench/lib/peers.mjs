// The programs that are compared, and how each is started; all take the same arguments.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startChild, TaskError } from '../../tasks/children.mjs';
import { temporaryFolder } from '../../tasks/servers.mjs';
import { root } from '../../tasks/setup.mjs';

/** Where `npm run bench:setup` puts what it builds. */
export const built = {
  bullrs: process.env.BULLRS_BENCH_BIN ?? join(root, 'target', 'release', 'bullrs'),
  official: process.env.BULLRS_BENCH_OFFICIAL ?? join(root, 'target', 'bench-peers', 'release', 'bench-peer-official'),
};

const nodePeer = join(root, 'bench', 'peers', 'node.mjs');

/** By name: `title`, `version()`, and `worker(options)` and `add(options)`, which give a command line. */
export const peers = {
  bullrs: {
    title: 'bullrs',
    version: () => /^version = "(.+)"$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))[1],
    worker: ({ url, queues, concurrency, mode, limiter }) => [
      built.bullrs,
      ['bench', 'worker', '--redis-url', url, '--queues', queues.join(','), '--concurrency', String(concurrency), '--mode', mode,
        ...(queues.length > 1 ? ['--share-blocking'] : [])],
      limiter ? { BULLRS_CONFIG: limiterFile(queues, limiter) } : {},
    ],
    add: ({ url, queue, jobs, mode }) => [
      built.bullrs,
      ['bench', 'add', '--redis-url', url, '--queue', queue, '--jobs', String(jobs), '--how', mode, '--json'],
    ],
  },
  official: {
    title: 'official Rust client',
    version: () => /name = "bullmq-official"\nversion = "(.+)"/.exec(readFileSync(join(root, 'bench', 'peers', 'official', 'Cargo.lock'), 'utf8'))[1],
    worker: (options) => [built.official, ['worker', ...flags(options)]],
    add: (options) => [built.official, ['add', ...flags(options)]],
  },
  node6: node('bullmq6'),
  node5: node('bullmq5'),
};

function node(module) {
  return {
    title: `Node ${module === 'bullmq6' ? 'BullMQ 6' : 'BullMQ 5'}`,
    version: () => {
      const entry = createRequire(join(root, 'package.json')).resolve(module);
      return JSON.parse(readFileSync(join(entry.slice(0, entry.lastIndexOf('dist')), 'package.json'), 'utf8')).version;
    },
    worker: (options) => [process.execPath, [nodePeer, 'worker', '--module', module, ...flags(options)]],
    add: (options) => [process.execPath, [nodePeer, 'add', '--module', module, ...flags(options)]],
  };
}

/** A configuration file that limits the queues, which no flag does. */
function limiterFile(queues, { max, duration }) {
  const file = join(temporaryFolder('bench'), 'bullrs.toml');
  writeFileSync(file, queues.map((queue) => `[queues.${queue}]\nlimiter = { max = ${max}, duration = "${duration}ms" }\n`).join(''));
  return file;
}

function flags(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (name === 'limiter') return ['--limiter', `${value.max}/${value.duration}`];
    return [`--${name}`, Array.isArray(value) ? value.join(',') : String(value)];
  });
}

/** Starts a peer as `verb`. */
export function startPeer(name, verb, options) {
  const [command, args, env] = peers[name][verb](options);
  if (command !== process.execPath && !existsSync(command)) {
    throw new TaskError(`${command} does not exist: run \`npm run bench:setup\` first`, 2);
  }
  const child = startChild(command, args, { cwd: root, env: { ...process.env, ...env } });
  // What nobody reads would fill its pipe and stop the peer.
  child.stdout.resume();
  child.stderr.resume();
  return child;
}

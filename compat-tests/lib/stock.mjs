// Stock bullmq, both major versions, and stock 6.x running on our scripts.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

const require = createRequire(import.meta.url);

/** The versions that everything is compared with. */
export const VERSIONS = [5, 6];

/** The module of stock bullmq `version`. */
export function stock(version) {
  return require(`bullmq${version}`);
}

/** What stock bullmq `version` calls itself, e.g. `6.7.0`. */
export function stockVersion(version) {
  return require(`bullmq${version}/package.json`).version;
}

/** Scripts of stock 6.x that are no part of queues, so we have none for them. */
const NOT_QUEUES = /^relay/;

/**
 * A second copy of stock 6.x in which every script is read from `folder` (files `<name>-<number of keys>.lua`, as
 * `bullrs scripts export` writes them). Returns the module, and the names of stock scripts that `folder` lacks.
 */
export function stockOnOurScripts(folder) {
  const home = dirname(require.resolve('bullmq6/package.json')) + sep;
  const cached = Object.keys(require.cache).filter((path) => path.startsWith(home));
  const kept = new Map(cached.map((path) => [path, require.cache[path]]));
  for (const path of cached) delete require.cache[path];
  try {
    const scripts = require('bullmq6/dist/cjs/scripts');
    const ours = new Set(readdirSync(folder));
    const missing = [];
    for (const script of Object.values(scripts)) {
      if (NOT_QUEUES.test(script.name)) continue;
      const file = `${script.name}-${script.keys}.lua`;
      if (ours.has(file)) script.content = readFileSync(join(folder, file), 'utf8');
      else missing.push(file);
    }
    return { module: require('bullmq6'), missing };
  } finally {
    for (const path of Object.keys(require.cache)) if (path.startsWith(home)) delete require.cache[path];
    for (const [path, module] of kept) require.cache[path] = module;
  }
}

/** The processor that does in Node what `bullrs bench worker --mode` does. */
export function processorOf(mode) {
  const [kind, argument] = mode.split(':');
  switch (kind) {
    case 'noop':
      return async () => null;
    case 'echo':
      return async (job) => job.data;
    case 'sleep':
      return (_job) => new Promise((resolve) => setTimeout(() => resolve(null), Number(argument)));
    case 'fail':
      return async (job) => {
        if (job.attemptsMade < Number(argument)) throw new Error('bench failure');
        return null;
      };
    default:
      throw new Error(`no such mode: ${mode}`);
  }
}

// `npm run demo`: the whole thing on one machine, for a look. `-- --once` ends when every job is done.
// `BULLRS_BIN` names a binary to show instead of building one.
import { parseArgs } from 'node:util';
import { runTask, TaskError } from './children.mjs';
import { buildBinary, setUp } from './setup.mjs';

async function main() {
  let once;
  try {
    ({ once } = parseArgs({ options: { once: { type: 'boolean', default: false } } }).values);
  } catch (error) {
    throw new TaskError(`${error.message}\nusage: npm run demo [-- --once]`, 2);
  }
  const { redisServer } = await setUp();
  let binary = process.env.BULLRS_BIN;
  if (!binary) {
    console.log('Building bullrs (the first time takes some minutes).');
    binary = await buildBinary();
  }
  // Only now are the npm packages there that the demo imports.
  const { demo } = await import('../demo/demo.mjs');
  return demo({ binary, redisServer, once });
}

await runTask(main);

// `npm test`: everything there is to check, on private servers. The last line counts it all.
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { capture, run, runTask } from './children.mjs';
import { PrivatePostgres } from './servers.mjs';
import { buildBinary, root, setUp } from './setup.mjs';

const totals = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

async function main() {
  const { redisServer, postgresPrograms } = await setUp({ postgres: true });
  await check('formatting', 'cargo', ['fmt', '--check']);
  await check('lints', 'cargo', ['clippy', '--all-targets', '--', '-D', 'warnings']);

  const postgres = await PrivatePostgres.start(postgresPrograms);
  const env = {
    ...process.env,
    BULLRS_REDIS_SERVER: redisServer,
    BULLRS_TEST_REDIS_SERVER: redisServer,
    BULLRS_TEST_POSTGRES_URL: postgres.url,
  };
  await part('Rust tests', countCargo, 'cargo', ['test', '--no-fail-fast', '--all-targets'], env);
  await part('Rust examples in the docs', countCargo, 'cargo', ['test', '--no-fail-fast', '--doc'], env);
  await nodeTests(env);
  await postgres.stop();
  return report();
}

/** Runs a check that has no tests to count: only its failure counts. */
async function check(name, command, args) {
  heading(name);
  if ((await run(command, args, { cwd: root })) !== 0) fail(name);
}

/** Runs a test runner, adds up what its own summaries say, and fails when they say that nothing ran. */
async function part(name, count, command, args, env) {
  heading(name);
  const { code, output } = await capture(command, args, { cwd: root, env, echo: true });
  const counted = count(stripColours(output));
  for (const kind of Object.keys(totals)) totals[kind] += counted[kind];
  if (counted.passed + counted.failed === 0) fail(`${name}: no test ran`);
  else if (code !== 0 && counted.failed === 0) fail(`${name}: the runner ended with ${code}`);
  else if (counted.failed > 0) failures.push(`${name}: ${counted.failed} failed`);
}

async function nodeTests(env) {
  const name = 'Node tests, with stock bullmq';
  const files = testFiles(join(root, 'compat-tests'));
  let binary;
  try {
    // With --all-targets cargo builds the examples as tests only.
    binary = await buildBinary(['--example', 'cron_next', '--example', 'campaign_worker', '--example', 'compat_driver']);
  } catch (error) {
    return fail(`${name}: ${error.message}`);
  }
  const example = (name) => join(dirname(binary), 'examples', name);
  const ours = { BULLRS_BIN: binary, BULLRS_CRON_NEXT: example('cron_next'), BULLRS_COMPAT_DRIVER: example('compat_driver') };
  await part(name, countNode, process.execPath, ['--test', ...files], { ...env, ...ours });
}

/** Every `*.test.mjs` under a folder; `node --test` takes no patterns before Node 21. */
function testFiles(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.mjs'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Adds up `test result: ok. 3 passed; 0 failed; 1 ignored; …`, of which cargo prints one a test binary. */
function countCargo(output) {
  const counted = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    counted.passed += Number(passed);
    counted.failed += Number(failed);
    counted.skipped += Number(ignored);
  }
  return counted;
}

/** Reads the closing lines of node's runner, `ℹ pass 3` or `# pass 3`; a cancelled test is a failed one. */
function countNode(output) {
  const read = (word) => Number(output.match(new RegExp(`^(?:ℹ|#) ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
  return { passed: read('pass'), failed: read('fail') + read('cancelled'), skipped: read('skipped') + read('todo') };
}

function heading(name) {
  console.log(`\n━━ ${name}`);
}

function fail(what) {
  totals.failed += 1;
  failures.push(what);
}

function report() {
  console.log(failures.length ? `\nFailed:\n${failures.map((what) => `  ${what}`).join('\n')}\n` : '');
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  return totals.failed === 0 ? 0 : 1;
}

function stripColours(text) {
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '');
}

await runTask(main);

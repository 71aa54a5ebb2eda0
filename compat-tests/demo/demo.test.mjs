// `npm run demo`, as a user runs it.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { startChild, stopChild } from '../../tasks/children.mjs';
import { againstStock } from '../lib/drivers.mjs';
import { binary } from '../lib/rust.mjs';
import { until } from '../lib/wait.mjs';

const PROGRAM = fileURLToPath(new URL('../../tasks/demo.mjs', import.meta.url));
const skip = againstStock && 'needs bullrs';

function startDemo(args) {
  const child = startChild(process.execPath, [PROGRAM, ...args], { env: { ...process.env, BULLRS_BIN: binary, NO_COLOR: '1' } });
  const demo = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      demo.output += text;
    });
  }
  return demo;
}

test('--once shows every job and its timeline, and ends well', { timeout: 120_000, skip }, async () => {
  const demo = startDemo(['--once']);
  const { code } = await demo.child.ended;
  assert.equal(code, 0, demo.output);
  for (const row of [/content\/generate .* succeeded/, /content\/generate .* failed .*model_not_found/, /content\/recap .* succeeded/, /fineTune\/export .* succeeded/, /fineTune\/start .* succeeded/]) {
    assert.match(demo.output, row);
  }
  assert.match(demo.output, /Timelines[\s\S]*active {2,}attempt 1[\s\S]*completed/);
});

test('Ctrl-C ends everything', { timeout: 120_000, skip }, async () => {
  const demo = startDemo([]);
  try {
    await until('the demo waits for Ctrl-C', () => demo.output.includes('Ctrl-C ends it'), { deadline: 60_000, explain: () => demo.output });
    const [board] = /Bull Board +(http\S+)/.exec(demo.output).slice(1);
    assert.equal((await fetch(board)).status, 200);
    const how = await stopChild(demo.child, 'SIGINT', 30_000);
    assert.deepEqual(how, { code: 0, signal: null }, demo.output);
    await assert.rejects(() => fetch(board));
    const [port] = /Redis +redis:\/\/127\.0\.0\.1:(\d+)/.exec(demo.output).slice(1);
    await assert.rejects(() => fetch(`http://127.0.0.1:${port}`));
  } finally {
    await stopChild(demo.child, 'SIGKILL');
  }
});

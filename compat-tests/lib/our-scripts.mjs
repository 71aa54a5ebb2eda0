// The scripts that the binary carries, exported for stock bullmq to run on.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { temporaryFolder } from '../../tasks/servers.mjs';
import { againstStock } from './drivers.mjs';
import { bullrs } from './rust.mjs';

/** Exports all scripts and resolves to their folder. */
export async function exportScripts() {
  const folder = join(temporaryFolder('scripts'), 'exported');
  if (againstStock) {
    mkdirSync(folder);
    const scripts = createRequire(import.meta.url)('bullmq6/dist/cjs/scripts');
    for (const { name, keys, content } of Object.values(scripts)) writeFileSync(join(folder, `${name}-${keys}.lua`), content);
    return folder;
  }
  const { code, stderr } = await bullrs(['scripts', 'export', folder]);
  assert.equal(code, 0, stderr);
  return folder;
}

// `npm run bench:setup`: everything that `npm run bench` needs.
import { join } from 'node:path';
import { run, runTask, TaskError } from '../tasks/children.mjs';
import { root, setUp } from '../tasks/setup.mjs';

runTask(async () => {
  await setUp();
  await build('bullrs', ['build', '--release', '--bin', 'bullrs'], {});
  const manifest = join(root, 'bench', 'peers', 'official', 'Cargo.toml');
  await build('the official client', ['build', '--release', '--locked', '--manifest-path', manifest], { CARGO_TARGET_DIR: join(root, 'target', 'bench-peers') });
});

async function build(what, args, env) {
  if ((await run('cargo', args, { cwd: root, env: { ...process.env, ...env } })) !== 0) throw new TaskError(`cargo could not build ${what}`);
}

// What the tasks need from the machine: found, installed where that is allowed, or asked for in one line.
// Node's own modules only: this runs before `npm ci`.
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture, run, TaskError } from './children.mjs';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const NODE_MAJOR = 20;

/** What every task needs: Node, Rust, a C compiler, `redis-server` and the npm packages; resolves to where they are. */
export async function setUp({ postgres = false } = {}) {
  checkNode();
  await checkRust();
  await need(() => findProgram('cc'), {
    what: 'a C compiler (`cc`), which some Rust crates are built with',
    packages: ['gcc', 'libc6-dev'],
    otherwise: 'install gcc or clang (macOS: `xcode-select --install`)',
  });
  const redisServer = await need(findRedisServer, {
    what: '`redis-server` 6.2 or newer',
    packages: ['redis-server'],
    otherwise: 'install Redis (macOS: `brew install redis`; Debian: `sudo apt-get install redis-server`), or name the program in BULLRS_REDIS_SERVER',
  });
  const postgresPrograms = postgres
    ? await need(findPostgresPrograms, {
        what: 'the programs of a Postgres server (`initdb`, `postgres`)',
        packages: ['postgresql'],
        otherwise: 'install Postgres 14 or newer (macOS: `brew install postgresql`; Debian: `sudo apt-get install postgresql`), or name their folder in BULLRS_POSTGRES_BIN',
      })
    : undefined;
  await installPackages();
  return { redisServer, postgresPrograms };
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR) throw new TaskError(`Node ${NODE_MAJOR} or newer is needed, this is ${process.versions.node}: see https://nodejs.org`, 2);
}

async function checkRust() {
  const wanted = /^rust-version = "(.+)"$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1] ?? '1.94';
  const how = `install Rust ${wanted} or newer: see https://rustup.rs`;
  if (!findProgram('cargo')) throw new TaskError(`cargo is not on the PATH: ${how}`, 2);
  const { output } = await capture('cargo', ['--version'], { cwd: root });
  const found = /^cargo (\d+)\.(\d+)/m.exec(output)?.slice(1).map(Number);
  const least = wanted.split('.').map(Number);
  if (!found) throw new TaskError(`cargo does not run here:\n${output.trim()}`, 2);
  if (found[0] < least[0] || (found[0] === least[0] && found[1] < least[1])) {
    throw new TaskError(`Rust ${wanted} is needed, this is ${found.join('.')}: ${how}`, 2);
  }
}

/** Finds something, installing Debian's `packages` when it is missing and this is root on a Debian or Ubuntu. */
async function need(find, { what, packages, otherwise }) {
  const found = find();
  if (found) return found;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version') && findProgram('apt-get')) {
    console.log(`Installing ${packages.join(', ')}: this machine lacks ${what}.`);
    await aptInstall(packages);
    const installed = find();
    if (installed) return installed;
  }
  throw new TaskError(`This needs ${what}: ${otherwise}.`, 2);
}

/** Installs Debian packages; `RUNLEVEL=1` keeps their services from being started. */
async function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  if ((await run('apt-get', install, { env })) === 0) return;
  await run('apt-get', ['update', '-q'], { env });
  if ((await run('apt-get', install, { env })) !== 0) throw new TaskError(`apt-get could not install ${packages.join(', ')}`, 2);
}

function findRedisServer() {
  const named = process.env.BULLRS_REDIS_SERVER;
  if (!named) return findProgram('redis-server');
  if (!isProgram(named)) throw new TaskError(`BULLRS_REDIS_SERVER names ${named}, which is not a program that can be run`, 2);
  return named;
}

/** The folder that holds `initdb` and `postgres`; Debian keeps them out of the PATH, by version. */
function findPostgresPrograms() {
  const named = process.env.BULLRS_POSTGRES_BIN;
  const complete = (folder) => ['initdb', 'postgres', 'pg_isready'].every((name) => isProgram(join(folder, name)));
  if (named) {
    if (!complete(named)) throw new TaskError(`BULLRS_POSTGRES_BIN names ${named}, which does not hold initdb, postgres and pg_isready`, 2);
    return named;
  }
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const debian = versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`);
  return [...debian, ...pathFolders()].find(complete);
}

/** Installs the npm packages when they are missing, or older than the lock file. */
async function installPackages() {
  const installed = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log('Installing the npm packages (npm ci).');
  if ((await run('npm', ['ci'], { cwd: root })) !== 0) throw new TaskError('npm ci failed');
}

function findProgram(name) {
  return pathFolders().map((folder) => join(folder, name)).find(isProgram);
}

function pathFolders() {
  return (process.env.PATH ?? '').split(delimiter).filter(Boolean);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Builds the binary with the dev profile; resolves to its path. */
export async function buildBinary(more = []) {
  if ((await run('cargo', ['build', '--bin', 'bullrs', ...more], { cwd: root })) !== 0) throw new TaskError('cargo build failed');
  const { output } = await capture('cargo', ['metadata', '--format-version', '1', '--no-deps', '--offline'], { cwd: root });
  const target = /"target_directory":"((?:[^"\\]|\\.)*)"/.exec(output)?.[1];
  if (!target) throw new TaskError('cargo metadata did not say where the target folder is');
  return join(JSON.parse(`"${target}"`), 'debug', 'bullrs');
}

// Private Redis and Postgres servers: a free port on loopback, a folder of their own, gone with the process.
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { capture, onEnd, startChild, stopChild, TaskError } from './children.mjs';

const START_DEADLINE_MS = 30_000;
const PORT_TRIES = 5;

/** A port that was free a moment ago; whoever takes it must be ready to find it taken again. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A folder of our own under the system's, removed with the process. */
export function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `bullrs-${name}-`));
  onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/**
 * A private Redis. `appendOnly` keeps what it holds over `restart()`; without it nothing is ever written to disk.
 * `server.url` names database 0; `server.kill()` ends it like a power cut.
 */
export class PrivateRedis {
  #program;
  #extra;
  #folder = temporaryFolder('redis');
  #child;

  constructor(program, extra) {
    this.#program = program;
    this.#extra = extra;
  }

  /** Starts `program`, or the one that `BULLRS_REDIS_SERVER` names, or `redis-server`. */
  static async start({ program = process.env.BULLRS_REDIS_SERVER || 'redis-server', appendOnly = false, args = [] } = {}) {
    const durability = appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    const server = new PrivateRedis(program, [...durability, ...args]);
    for (let attempt = 1; ; attempt += 1) {
      server.port = await freePort();
      if (await server.#launch()) return server;
      if (attempt === PORT_TRIES) throw new TaskError(`${program} did not start:\n${server.#log()}`);
    }
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Ends the server at once, without a farewell. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#child.ended;
  }

  /** Starts the server again on the port it had. */
  async restart() {
    await stopChild(this.#child);
    if (!(await this.#launch())) throw new TaskError(`redis-server did not come back:\n${this.#log()}`);
  }

  async stop() {
    await stopChild(this.#child, 'SIGTERM', 2_000);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #log() {
    try {
      return readFileSync(join(this.#folder, 'redis.log'), 'utf8').split('\n').slice(-15).join('\n');
    } catch {
      return '(it wrote no log)';
    }
  }

  /** Starts the process; false when it ended before it answered, as it does when the port was taken. */
  async #launch() {
    const settings = {
      port: this.port,
      bind: '127.0.0.1',
      dir: this.#folder,
      logfile: join(this.#folder, 'redis.log'),
      databases: 64,
      save: '',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.#child = startChild(this.#program, [...args, ...this.#extra], { stdio: 'ignore' });
    let ended;
    this.#child.ended.then((how) => {
      ended = how;
    });
    const deadline = Date.now() + START_DEADLINE_MS;
    while (Date.now() < deadline) {
      if (ended?.error) throw new TaskError(`cannot run ${this.#program}: ${ended.error.message}`);
      if (ended) return false;
      if (await answersPing(this.port)) return true;
      await pause(10);
    }
    await stopChild(this.#child, 'SIGKILL');
    return false;
  }
}

/** Whether a Redis on `port` answers PING, and has finished loading. */
function answersPing(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'));
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
  });
}

/** A private Postgres from the programs in `programs`; it does not survive, nor try to, so it is quick. */
export class PrivatePostgres {
  #child;
  #folder;

  static async start(programs) {
    const server = new PrivatePostgres();
    const owner = serverOwner();
    server.#folder = temporaryFolder('postgres');
    if (owner) chownSync(server.#folder, owner.uid, owner.gid);
    const data = join(server.#folder, 'data');
    const asOwner = { ...owner, cwd: server.#folder };
    const made = await capture(
      join(programs, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
      asOwner,
    );
    if (made.code !== 0) throw new TaskError(`initdb failed:\n${made.output}`);
    for (let attempt = 1; ; attempt += 1) {
      server.port = await freePort();
      if (await server.#launch(programs, data, asOwner)) return server;
      if (attempt === PORT_TRIES) throw new TaskError(`postgres did not start:\n${server.output}`);
    }
  }

  /** A superuser's address of the database `postgres`; no password, loopback only. */
  get url() {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** Ends the server, cutting off whoever is still connected. */
  async stop() {
    await stopChild(this.#child, 'SIGINT', 5_000);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #launch(programs, data, asOwner) {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 300,
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#child = startChild(join(programs, 'postgres'), ['-D', data, '-p', String(this.port), ...args], asOwner);
    this.output = '';
    let ended = false;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (text) => {
        this.output = (this.output + text).slice(-4_000);
      });
    }
    this.#child.ended.then(() => {
      ended = true;
    });
    const deadline = Date.now() + START_DEADLINE_MS;
    while (!ended && Date.now() < deadline) {
      const ready = await capture(join(programs, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(this.port)]);
      if (ready.code === 0) return true;
      await pause(50);
    }
    await stopChild(this.#child, 'SIGKILL');
    return false;
  }
}

/** Postgres refuses to run as root: there it runs as `postgres`, or as `nobody` where that user is missing. */
function serverOwner() {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    try {
      const id = (flag) => Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // This user does not exist here; the next one may.
    }
  }
  throw new TaskError('Postgres will not run as root, and there is neither a user `postgres` nor `nobody` to run it as', 2);
}

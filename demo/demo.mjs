// The demo: a private Redis, a SQLite job store, an OpenAI stand-in, Bull Board, an app on stock bullmq that enqueues
// encrypted jobs, and `bullrs worker` to run them.
import { join } from 'node:path';
import { PayloadKeys, generateKey } from '../clients/node/payload.mjs';
import { capture, startChild, stopChild, TaskError } from '../tasks/children.mjs';
import { PrivateRedis, temporaryFolder } from '../tasks/servers.mjs';
import { App } from './app.mjs';
import { startBoard } from './board.mjs';
import { startStandin } from './openai-standin.mjs';
import { eventLine, jobTable, timeline } from './report.mjs';
import { scenes } from './scenes.mjs';

const QUEUES = ['content', 'fineTune'];
const EVENTS = ['added', 'active', 'progress', 'completed', 'failed', 'delayed', 'retries-exhausted', 'stalled'];
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);
const DEADLINE_MS = 180_000;

/** Runs the demo; resolves to its exit code once all jobs are done (`once`), or once the user ends it. */
export async function demo({ binary, redisServer, once }) {
  const stage = new Stage();
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => resolve('interrupted'));
  });
  try {
    await stage.set({ binary, redisServer });
    console.log(stage.addresses());
    const jobs = await stage.enqueue();
    const outcome = await Promise.race([stage.untilDone(jobs), interrupted]);
    if (outcome === 'interrupted') return 130;
    console.log(`\n${stage.report()}`);
    if (once) return stage.verdict();
    console.log(`${stage.addresses()}\nCtrl-C ends it.`);
    await interrupted;
    return 0;
  } finally {
    await stage.clear();
  }
}

class Stage {
  #closers = [];

  async set({ binary, redisServer }) {
    const folder = temporaryFolder('demo');
    const redis = await this.#keep(PrivateRedis.start({ program: redisServer }), (server) => server.stop());
    this.standin = await this.#keep(startStandin({ fineTuneStep: 400 }), (server) => server.close());
    const keys = generateKey('demo');
    this.settings = {
      REDIS_URL: redis.url,
      DATABASE_URL: `sqlite:${join(folder, 'bullrs.db')}`,
      BULLRS_PAYLOAD_KEYS: keys,
      BULLRS_EXPORT_DIR: join(folder, 'exports'),
      BULLMQ_METRICS_ENABLED: 'true',
      OPENAI_BASE_URL: this.standin.url,
      OPENAI_API_KEY: this.standin.key,
    };
    const env = { ...process.env, ...this.settings };
    const migrated = await capture(binary, ['migrate'], { cwd: folder, env });
    if (migrated.code !== 0) throw new TaskError(`bullrs migrate failed:\n${migrated.output}`);

    const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
    const app = { databaseFile: join(folder, 'bullrs.db'), connection, keys: new PayloadKeys(keys), queues: QUEUES };
    this.app = await this.#keep(Promise.resolve(new App(app)), (one) => one.close());
    await this.app.ready();
    for (const [index, listener] of this.app.listeners.entries()) {
      for (const event of EVENTS) listener.on(event, (details) => console.log(eventLine(QUEUES[index], event, details)));
    }
    this.board = await this.#keep(startBoard(Object.values(this.app.queues)), (server) => server.close());
    this.worker = startChild(binary, ['worker', '--queues', QUEUES.join(','), '--concurrency', '2'], { cwd: folder, env });
    this.#closers.push(() => stopChild(this.worker, 'SIGTERM', 40_000));
    this.log = '';
    for (const stream of [this.worker.stdout, this.worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.log = (this.log + text).slice(-20_000);
      });
    }
  }

  async #keep(starting, close) {
    const started = await starting;
    this.#closers.push(() => close(started));
    return started;
  }

  addresses() {
    return ['', `  Bull Board   ${this.board.url}/`, `  OpenAI       ${this.standin.url} (a stand-in)`, `  Redis        ${this.settings.REDIS_URL}`, ''].join('\n');
  }

  /** Enqueues the scenes as the app does; resolves to their row ids. */
  async enqueue() {
    const ids = [];
    for (const { queue, name, payload, options, fault } of scenes()) {
      if (fault) this.standin.control({ next: [fault] });
      ids.push((await this.app.enqueue(queue, name, payload, options)).id);
    }
    return ids;
  }

  /** Resolves once every row has ended and its timeline has arrived. */
  async untilDone(ids) {
    const ended = (id) => {
      const events = this.app.timeline(id).map(({ event }) => event);
      return events.includes('completed') || events.includes('failed') || events.includes('cancelled');
    };
    const deadline = Date.now() + DEADLINE_MS;
    while (!this.app.jobs().every(({ status }) => ENDED.has(status)) || !ids.every(ended)) {
      if (this.worker.exitCode !== null) throw new TaskError(`bullrs worker ended with ${this.worker.exitCode}:\n${this.log}`);
      if (Date.now() > deadline) throw new TaskError(`not done after ${DEADLINE_MS / 1_000} s:\n${this.report()}\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  report() {
    const jobs = this.app.jobs();
    const timelines = jobs.map((job) => timeline(job, this.app.timeline(job.id)));
    return [jobTable(jobs), '', 'Timelines, as stored in job_events', '', timelines.join('\n\n')].join('\n');
  }

  /** 0 when each job ended as its scene foretells. */
  verdict() {
    const wrong = scenes().filter(({ name, ends }, index) => this.app.jobs()[index]?.status !== ends && name);
    for (const { queue, name, ends } of wrong) console.error(`${queue}/${name} should have ${ends}`);
    return wrong.length ? 1 : 0;
  }

  /** Closes everything, last opened first; a failure to close one thing keeps nothing else open. */
  async clear() {
    for (const close of this.#closers.reverse()) await close().catch((error) => console.error(error.message));
  }
}

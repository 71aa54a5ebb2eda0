// One app on stock 5.x or 6.x, and our scripts beside it, on a queue that either side pauses and resumes: no id is
// ever lost, and after a last resume every job runs. Our side is stock 6.x on our scripts, told to leave the app's
// version alone, since that is what our scripts go by.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { stock, stockOnOurScripts, stockVersion, VERSIONS } from '../lib/stock.mjs';
import { againstStock } from '../lib/drivers.mjs';
import { Chance } from '../lib/chance.mjs';

const STEPS = 60;
const SEEDS = Array.from({ length: Number(process.env.BULLRS_WALK_SEEDS ?? 12) }, (_, index) => index + 1);
const PLACES = { wait: 'list', paused: 'list', active: 'list', delayed: 'zset', prioritized: 'zset', completed: 'zset', failed: 'zset' };

const lab = await Lab.start();
let ours;

before(async () => {
  ours = stockOnOurScripts(await exportScripts()).module;
});

for (const version of VERSIONS) {
  for (const seed of SEEDS) {
    // Two stock versions lose ids between them, so with stock in our place there is nothing to see for 5.x.
    const skip = againstStock && version === 5 && 'stock 6 beside stock 5 loses ids';
    test(`walk ${seed} beside an app on bullmq ${stockVersion(version)}`, { timeout: 60_000, skip }, async () => {
      const { connection, client } = await lab.database();
      const { Queue } = stock(version);
      const app = new Queue('q', { connection });
      await app.waitUntilReady();
      const own = new ours.Queue('q', { connection, skipMetasUpdate: true });
      const worker = new ours.Worker('q', undefined, { connection, autorun: false, lockDuration: 600_000 });
      for (const one of [app, own, worker]) one.on('error', () => {});
      await Promise.all([own.waitUntilReady(), worker.waitUntilReady()]);
      const walk = new Walk(seed, { app, own, worker, client });
      try {
        for (let step = 0; step < STEPS; step += 1) await walk.step();
        await walk.finish();
      } finally {
        await Promise.all([app.close(), own.close(), worker.close(true)]);
      }
    });
  }
}

class Walk {
  #history = [];
  #active = [];
  #tokens = 0;

  constructor(seed, { app, own, worker, client }) {
    this.seed = seed;
    this.chance = new Chance(seed * 104_729);
    this.sides = { app, own };
    this.worker = worker;
    this.redis = client;
  }

  async step() {
    const side = this.chance.of(['app', 'own']);
    const queue = this.sides[side];
    const steps = {
      pause: () => queue.pause(),
      resume: () => queue.resume(),
      add: () => queue.add('job', {}),
      'add delayed': () => queue.add('job', {}, { delay: this.chance.of([1, 600_000]) }),
      'add prioritized': () => queue.add('job', {}, { priority: 2 }),
      'add lifo': () => queue.add('job', {}, { lifo: true }),
      take: () => this.#take(),
      complete: () => this.#end((job, token) => job.moveToCompleted(1, token, false)),
      fail: () => this.#end((job, token) => job.moveToFailed(new Error('bad'), token, false)),
      'hand back': () => this.#end((job, token) => job.moveToWait(token)),
      promote: async () => this.#any(await queue.getDelayed(), (job) => job.promote()),
      retry: async () => this.#any(await queue.getFailed(), (job) => job.retry('failed')),
      'retry all': () => queue.retryJobs({ state: 'failed' }),
      'promote all': () => queue.promoteJobs(),
      prioritize: async () => this.#any(await queue.getWaiting(), (job) => job.changePriority({ priority: this.chance.of([0, 3]) })),
    };
    const name = this.chance.of(Object.keys(steps));
    this.#history.push(`${side}: ${name}`);
    await steps[name]();
    await this.#check();
  }

  /** Resumes and takes all there is: every job of the queue comes up. */
  async finish() {
    await this.sides.own.resume();
    await this.sides.own.promoteJobs();
    this.#history.push('own: resume and promote, take all');
    while (await this.#take());
    await this.#check();
    for (const place of ['wait', 'paused', 'delayed', 'prioritized']) {
      assert.equal(await this.redis.exists(`bull:q:${place}`), 0, this.#say(`${place} is not empty after all was taken`));
    }
  }

  async #take() {
    this.#tokens += 1;
    const token = `token-${this.#tokens}`;
    const [data, id] = await this.worker.backend.moveToActive(token);
    if (!data) return false;
    this.#active.push({ job: this.worker.createJob(data, id), token });
    return true;
  }

  async #end(finish) {
    const entry = this.#active.splice(this.chance.below(this.#active.length), 1)[0];
    if (entry) await finish(entry.job, entry.token);
  }

  async #any(jobs, act) {
    if (jobs.length) await act(this.chance.of(jobs));
  }

  /** Each job stands in exactly one place. */
  async #check() {
    const places = {};
    for (const [place, type] of Object.entries(PLACES)) {
      const key = `bull:q:${place}`;
      const ids = type === 'list' ? await this.redis.lrange(key, 0, -1) : await this.redis.zrange(key, 0, -1);
      for (const id of ids) (places[id] ??= []).push(place);
    }
    for (const key of await this.redis.keys('bull:q:[0-9]*')) {
      const id = key.slice('bull:q:'.length);
      if (id.includes(':')) continue;
      assert.equal(places[id]?.length, 1, this.#say(`job ${id} stands in ${places[id]?.join(' and ') ?? 'no place'}`));
    }
  }

  #say(what) {
    return `walk ${this.seed}: ${what}\n${this.#history.map((step, index) => `  ${index + 1}. ${step}`).join('\n')}`;
  }
}

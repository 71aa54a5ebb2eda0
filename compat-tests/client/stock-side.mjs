// Stock bullmq as one side of a duel: an app and a worker without a loop on one database, under a clock that stands.
import { standingAt } from '../lib/clock.mjs';
import { kindOf } from './errors.mjs';
import { plain } from './steps/reading.mjs';
import { STEPS } from './steps/index.mjs';
import { LIFETIME, QUEUES } from './world.mjs';

export class StockSide {
  #taken = new Map();
  #queues;
  #workers;
  #limited;

  /** @param module  stock bullmq, of whichever version and on whosever scripts */
  static async start(name, module, database) {
    const side = new StockSide();
    side.name = name;
    side.module = module;
    side.redis = database.client;
    const options = { connection: database.connection, skipMetasUpdate: true };
    side.#queues = Object.fromEntries(QUEUES.map((queue) => [queue, new module.Queue(queue, options)]));
    const working = { ...options, autorun: false, lockDuration: LIFETIME, name: 'by-hand', metrics: { maxDataPoints: 5 } };
    side.#workers = Object.fromEntries(QUEUES.map((queue) => [queue, new module.Worker(queue, undefined, working)]));
    const limited = { ...working, limiter: { max: 2, duration: LIFETIME } };
    side.#limited = Object.fromEntries(QUEUES.map((queue) => [queue, new module.Worker(queue, undefined, limited)]));
    side.flow = new module.FlowProducer(options);
    for (const one of side.#everything()) one.on('error', () => {});
    await Promise.all(side.#everything().map((one) => one.waitUntilReady()));
    return side;
  }

  /** Forgets what an earlier sequence took; the database is empty again. */
  reset() {
    this.#taken.clear();
  }

  /** Does a step at the instant `now`: `{ answer }`, or `{ error }` with its kind. */
  async play({ do: name, ...given }, now) {
    try {
      return { answer: (await standingAt(now, () => STEPS[name].play(this, given))) ?? null };
    } catch (error) {
      return { error: kindOf(error), message: String(error?.message ?? error) };
    }
  }

  get taken() {
    return [...this.#taken.keys()];
  }

  /** The id of the job that was taken with `token`. */
  idOf(token) {
    return this.#taken.get(token)?.job.id;
  }

  async close() {
    await Promise.all(this.#everything().map((one) => one.close()));
  }

  // What steps use.

  queue(name) {
    return this.#queues[name];
  }

  /** The job, or where there is none an object with its id: what the scripts say of it is part of the comparison. */
  async job(queue, id) {
    return (await this.queue(queue).getJob(id)) ?? new this.module.Job(this.queue(queue), 'absent', {}, {}, id);
  }

  /** The job; stock's own object, since what is done goes by what it holds. */
  async existing(queue, id) {
    const job = await this.queue(queue).getJob(id);
    if (!job) throw new Error(`Missing key for job ${id}`);
    return job;
  }

  async take(queue, token, isLimited = false) {
    const worker = (isLimited ? this.#limited : this.#workers)[queue];
    worker.limitUntil = 0; // a rate limit ends in real time, which the standing clock does not know
    const job = await worker.getNextJob(token, { block: false });
    if (job) this.#taken.set(token, { job, worker });
    return plain(job);
  }

  /** Ends what `token` was taken for; whatever comes of it, that job is no longer held, but the next one may be. */
  async give(token, act) {
    const held = this.#taken.get(token);
    if (!held) return 'nothing held';
    this.#taken.delete(token);
    const reply = await act(held.job);
    if (!Array.isArray(reply) || !reply[0]) return null;
    const [data, id] = reply;
    const next = await held.worker.nextJobFromJobData(data, id, token);
    if (next) this.#taken.set(token, { job: next, worker: held.worker });
    return plain(next);
  }

  /** The same for what may leave the job where it is: then it stays held. */
  async try(token, act) {
    const held = this.#taken.get(token);
    if (!held) return 'nothing held';
    this.#taken.delete(token);
    const moved = await act(held.job);
    if (!moved) this.#taken.set(token, held);
    return moved;
  }

  /** Extends the lock; one that is found to be lost is not asked for again. */
  async extend(token, duration) {
    const held = this.#taken.get(token);
    if (!held) return 'nothing held';
    const extended = (await held.job.extendLock(token, duration)) === 1;
    if (!extended) this.#taken.delete(token);
    return extended;
  }

  checkStalled(queue) {
    const worker = this.#workers[queue];
    return (worker.backend ?? worker.scripts).moveStalledJobsToWait();
  }

  #everything() {
    return [...Object.values(this.#queues), ...Object.values(this.#workers), ...Object.values(this.#limited), this.flow];
  }
}

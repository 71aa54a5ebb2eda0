// The user's app, as far as jobs go: what a server action does, and what its dashboard reads. It knows stock bullmq,
// its own SQLite file, and the payload envelope; it knows nothing of the worker.
import { randomUUID } from 'node:crypto';
import { Queue, QueueEvents } from 'bullmq';
import Database from 'libsql';

export class App {
  #database;
  #keys;
  queues;

  /**
   * @param options.databaseFile  the SQLite file, its tables made by `bullrs migrate`
   * @param options.connection  of Redis, as bullmq takes it
   * @param options.keys  `PayloadKeys`
   */
  constructor({ databaseFile, connection, keys, queues }) {
    this.#database = new Database(databaseFile);
    this.#database.pragma('busy_timeout = 10000');
    this.#keys = keys;
    const options = { connection, defaultJobOptions: { attempts: 3, backoff: { type: 'exponential', delay: 500 }, removeOnComplete: { count: 1_000 } } };
    this.queues = Object.fromEntries(queues.map((name) => [name, new Queue(name, options)]));
    this.listeners = queues.map((name) => new QueueEvents(name, { connection, lastEventId: '0-0' }));
  }

  async ready() {
    await Promise.all([...Object.values(this.queues), ...this.listeners].map((one) => one.waitUntilReady()));
  }

  /**
   * A server action: a row with the sealed payload, the job, and the row's status once the job is in the queue. By
   * then the worker may have begun, or be done; the store sees to it that the late `queued` does no harm.
   */
  async enqueue(queue, name, payload, options = {}) {
    const id = randomUUID();
    const now = Date.now();
    this.#database
      .prepare('INSERT INTO content_jobs (id, queue, name, status, payload, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(id, queue, name, 'pending', this.#keys.encrypt(id, payload), now, now);
    const job = await this.queues[queue].add(name, { contentJobId: id }, options);
    this.#database
      .prepare("UPDATE content_jobs SET status = 'queued', job_id = ?, queued_at = ?, updated_at = ? WHERE id = ?")
      .run(job.id, Date.now(), Date.now(), id);
    return { id, jobId: job.id };
  }

  /** The dashboard's list. */
  jobs() {
    return this.#database.prepare('SELECT * FROM content_jobs ORDER BY created_at, id').all();
  }

  /** The dashboard's timeline of one job. */
  timeline(id) {
    return this.#database.prepare('SELECT * FROM job_events WHERE content_job_id = ? ORDER BY at, id').all(id);
  }

  async close() {
    await Promise.all([...this.listeners, ...Object.values(this.queues)].map((one) => one.close()));
    this.#database.close();
  }
}

// One private Redis for a test file, and a database of it for each run of a scenario.
import { after } from 'node:test';
import Redis from 'ioredis';
import { PrivateRedis } from '../../tasks/servers.mjs';

const DATABASES = 64;

/** A private server that hands out empty databases; stops with the test file. */
export class Lab {
  #next = 0;
  #clients = new Set();

  static async start(options) {
    const lab = new Lab();
    lab.server = await PrivateRedis.start(options);
    after(() => lab.stop());
    return lab;
  }

  /** An empty database: `{ url, client, connection }`, the last in the form that bullmq's constructors take. */
  async database() {
    const number = this.#next % DATABASES;
    this.#next += 1;
    const client = this.connect(number);
    await client.flushdb();
    return {
      url: `${this.server.url}/${number}`,
      client,
      connection: { host: '127.0.0.1', port: this.server.port, db: number, maxRetriesPerRequest: null },
    };
  }

  /** A plain client of database `number`. */
  connect(number = 0) {
    const client = new Redis({ host: '127.0.0.1', port: this.server.port, db: number, maxRetriesPerRequest: null });
    client.on('error', () => {}); // a test that stops the server expects the client to come back by itself
    this.#clients.add(client);
    return client;
  }

  async stop() {
    for (const client of this.#clients) client.disconnect();
    await this.server.stop();
  }
}

// Two sides on two databases of one server, ready for duels.
import Redis from 'ioredis';
import { exportScripts } from '../lib/our-scripts.mjs';
import { stock, stockOnOurScripts, stockVersion } from '../lib/stock.mjs';
import { AgentSide } from './agent-side.mjs';
import { Duel } from './duel.mjs';
import { StockSide } from './stock-side.mjs';

/** Numbers of databases that no open arena uses. */
let next = 0;

export class Arena {
  #clients = [];

  /**
   * @param version  of stock on the left, 5 or 6
   * @param against  on the right: `agent` (the Rust client), `scripts` (stock 6.x on our scripts) or `stock` (the same again)
   */
  static async open(server, version, against) {
    const arena = new Arena();
    const left = await StockSide.start(`stock ${stockVersion(version)}`, stock(version), arena.#database(server));
    const right = await arena.#right(against, version, arena.#database(server));
    arena.duel = new Duel(left, right, { version, versionText: `bullmq:${stockVersion(version)}` });
    return arena;
  }

  async #right(against, version, database) {
    switch (against) {
      case 'agent':
        return AgentSide.start(database);
      case 'stock':
        return StockSide.start(`stock ${stockVersion(version)} again`, stock(version), database);
      case 'scripts':
        return StockSide.start('stock on our scripts', stockOnOurScripts(await exportScripts()).module, database);
      default:
        throw new Error(`nothing to play against is called ${against}`);
    }
  }

  #database(server) {
    const number = next % 64;
    next += 1;
    const connection = { host: '127.0.0.1', port: server.port, db: number, maxRetriesPerRequest: null };
    const client = new Redis(connection);
    this.#clients.push(client);
    return { url: `${server.url}/${number}`, client, connection };
  }

  async close() {
    await Promise.all([this.duel.left.close(), this.duel.right.close()]);
    for (const client of this.#clients) client.disconnect();
  }
}

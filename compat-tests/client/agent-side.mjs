// The Rust client as the other side of a duel: a process that does each step with the library's public API.
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startChild, stopChild } from '../../tasks/children.mjs';

/** The driver: `BULLRS_COMPAT_DRIVER`, else the dev build of the example. */
export const driver = process.env.BULLRS_COMPAT_DRIVER ?? fileURLToPath(new URL('../../target/debug/examples/compat_driver', import.meta.url));

export class AgentSide {
  name = 'the Rust client';
  #child;
  #lines;
  #stderr = '';

  static async start(database) {
    accessSync(driver, constants.X_OK);
    const side = new AgentSide();
    side.redis = database.client;
    side.#child = startChild(driver, [database.url], { stdio: ['pipe', 'pipe', 'pipe'] });
    side.#child.stderr.setEncoding('utf8').on('data', (text) => {
      side.#stderr = (side.#stderr + text).slice(-4_000);
    });
    side.#lines = createInterface({ input: side.#child.stdout });
    return side;
  }

  async reset() {
    await this.play({ do: 'reset' }, 1);
  }

  /** Does a step at the instant `now`: `{ answer }`, `{ error }` with its kind, or `{ inexpressible }`. */
  async play(step, now) {
    const line = once(this.#lines, 'line');
    this.#child.stdin.write(`${JSON.stringify({ ...step, now })}\n`);
    const ended = this.#child.ended.then((how) => {
      throw new Error(`the driver ended (${JSON.stringify(how)}) at ${JSON.stringify(step)}:\n${this.#stderr}`);
    });
    const [text] = await Promise.race([line, ended]);
    return JSON.parse(text);
  }

  close() {
    return stopChild(this.#child, 'SIGKILL', 5_000);
  }
}

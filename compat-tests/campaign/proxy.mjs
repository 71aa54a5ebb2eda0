// A TCP proxy between one worker and Redis, which can be slow, cut, or dead without saying so.
import { connect, createServer } from 'node:net';

export class Proxy {
  #server;
  #pairs = new Set();
  #target;
  #delay = 0;
  #state = 'open';

  static async start(target) {
    const proxy = new Proxy();
    proxy.#target = target;
    proxy.#server = createServer((socket) => proxy.#accept(socket));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  /** Passes everything on, at once. Connections that were silent while it was frozen are ended, as a router would. */
  open() {
    const wasFrozen = this.#state === 'frozen';
    this.#state = 'open';
    this.#delay = 0;
    if (wasFrozen) this.#end();
  }

  /** Ends all connections and refuses new ones. */
  cut() {
    this.#state = 'cut';
    this.#end();
  }

  /** Keeps all connections, and passes nothing on: half-open sockets. */
  freeze() {
    this.#state = 'frozen';
  }

  /** Passes everything on after `ms`, in both directions. */
  slow(ms) {
    this.#delay = ms;
  }

  close() {
    this.#end();
    this.#server.close();
  }

  #end() {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  #accept(near) {
    if (this.#state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port: this.#target });
    const pair = [near, far];
    this.#pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('data', (data) => this.#pass(data, to));
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
  }

  #pass(data, to) {
    if (this.#state === 'frozen') return;
    if (this.#delay === 0) to.write(data);
    else setTimeout(() => !to.destroyed && to.write(data), this.#delay);
  }
}

// A TCP proxy between one worker and Redis, which can be slow, cut, or dead without saying so.
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

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
    for (const way of [new Way(this, near, far), new Way(this, far, near)]) {
      way.from.on('close', () => this.#pairs.delete(pair));
    }
  }

  get delay() {
    return this.#delay;
  }

  get frozen() {
    return this.#state === 'frozen';
  }
}

/** One direction of a connection; what is delayed stays in order, also when the delay changes. */
class Way {
  #late = Promise.resolve();
  #waiting = 0;

  constructor(proxy, from, to) {
    Object.assign(this, { proxy, from, to });
    from.setNoDelay(true);
    from.on('error', () => {});
    from.on('data', (data) => this.#pass(data));
    from.on('close', () => to.destroy());
  }

  #pass(data) {
    if (this.proxy.frozen) return;
    if (this.proxy.delay === 0 && this.#waiting === 0) {
      this.to.write(data);
      return;
    }
    const over = pause(this.proxy.delay);
    this.#waiting += 1;
    this.#late = Promise.all([this.#late, over]).then(() => {
      this.#waiting -= 1;
      if (!this.to.destroyed) this.to.write(data);
    });
  }
}

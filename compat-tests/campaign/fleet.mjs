// The fleet under fire: workers of both kinds, each behind a proxy of its own, and what is done to them.
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild, stopChild } from '../../tasks/children.mjs';
import { binary } from '../lib/rust.mjs';
import { within } from '../lib/wait.mjs';
import { Proxy } from './proxy.mjs';
import { surely } from './work.mjs';

const NODE_WORKER = fileURLToPath(new URL('node-worker.mjs', import.meta.url));
const RUST_WORKER = process.env.BULLRS_CAMPAIGN_WORKER ?? join(dirname(binary), 'examples', 'campaign_worker');

/** One worker process and its way to Redis. */
class Member {
  static async start(kind, settings, redisPort) {
    const member = new Member();
    member.kind = kind;
    member.proxy = await Proxy.start(redisPort);
    member.settings = { ...settings, url: `redis://127.0.0.1:${member.proxy.port}/0` };
    const argument = JSON.stringify(member.settings);
    const [program, args] = kind === 'rust' ? [RUST_WORKER, [argument]] : [process.execPath, [NODE_WORKER, argument]];
    member.child = startChild(program, args);
    member.output = '';
    for (const stream of [member.child.stdout, member.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        member.output = (member.output + text).slice(-4_000);
      });
    }
    return member;
  }

  get alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.child.ended;
    this.proxy.close();
  }

  /** Resolves to whether it ended by itself. */
  async stop(graceMs = 20_000) {
    const { signal } = await stopChild(this.child, 'SIGTERM', graceMs);
    this.proxy.close();
    return signal !== 'SIGKILL';
  }
}

/** Workers that are replaced when they die, and the faults that befall them. */
export class Fleet {
  #members = [];
  #number = 0;
  #hurt = [];
  /** How often each fault was caused. */
  faults = {};
  /** How many Node workers had to be killed because they did not end: stock's own weakness, not a verdict on us. */
  stuckNodes = 0;
  unexpected = [];

  /** `queue` is paused and resumed too, if given: only one stock version may do so to a queue. */
  constructor({ chance, server, redis, kinds, settings, queue }) {
    Object.assign(this, { chance, server, redis, kinds, settings, queue });
  }

  async start() {
    for (const kind of this.kinds) await this.#add(kind);
  }

  async #add(kind) {
    const version = { node5: 5, node6: 6 }[kind];
    const skew = Math.round((this.chance.next() - 0.5) * 2 * this.settings.skew);
    const settings = { ...this.settings, version, skew, name: `${kind}-${++this.#number}` };
    this.#members.push(await Member.start(kind, settings, this.server.port));
  }

  async #replace(member) {
    this.#members = this.#members.filter((other) => other !== member);
    await this.#add(member.kind);
  }

  /** Causes one random fault; it may last beyond this call, until `heal()` at the latest. */
  async fault() {
    const kind = this.chance.of(FAULTS);
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
    await this[kind](this.chance.of(this.#members));
  }

  async kill9(member) {
    await member.kill();
    await this.#replace(member);
  }

  async terminate(member) {
    await this.#replace(member);
    this.#later(this.#retire(member));
  }

  async #retire(member) {
    if (await member.stop()) return;
    if (member.kind === 'rust') this.unexpected.push(`${member.settings.name} did not end on SIGTERM\n${member.output}`);
    else this.stuckNodes += 1;
  }

  async stopAndContinue(member) {
    member.child.kill('SIGSTOP');
    this.#after(this.#span(0.3, 3), () => member.child.kill('SIGCONT'));
  }

  async cut(member) {
    member.proxy.cut();
    this.#after(this.#span(0.05, 2), () => member.proxy.open());
  }

  async freeze(member) {
    member.proxy.freeze();
    this.#after(this.#span(0.3, 3), () => member.proxy.open());
  }

  async slow(member) {
    member.proxy.slow(5 + this.chance.below(60));
    this.#after(this.#span(0.5, 3), () => member.proxy.open());
  }

  async redisKilled() {
    await this.server.kill();
    await pause(this.chance.below(1_200)); // the outage itself
    await this.server.restart();
  }

  async clientsKilled() {
    await this.#tell('CLIENT', 'KILL', 'TYPE', 'normal');
  }

  async scriptsForgotten() {
    await this.#tell('SCRIPT', 'FLUSH');
  }

  async redisPaused() {
    await this.#tell('CLIENT', 'PAUSE', String(100 + this.chance.below(700)));
  }

  async queuePaused() {
    if (!this.queue) return;
    await this.queue.pause().catch(() => {});
    this.#after(this.#span(0.1, 1), () => this.#later(surely(() => this.queue.resume())));
  }

  async #tell(...command) {
    await this.redis.call(...command).catch(() => {}); // it may be the connection that this ends
  }

  #span(low, high) {
    return this.settings.lock * (low + this.chance.next() * (high - low));
  }

  #after(ms, action) {
    const hurt = { action, timer: setTimeout(() => this.#mend(hurt), ms) };
    this.#hurt.push(hurt);
  }

  #mend(hurt) {
    clearTimeout(hurt.timer);
    this.#hurt = this.#hurt.filter((other) => other !== hurt);
    hurt.action();
  }

  #ending = [];

  #later(promise) {
    this.#ending.push(promise);
  }

  /** Ends every fault that still lasts, and notes workers that died by themselves. */
  async heal() {
    for (const hurt of [...this.#hurt]) this.#mend(hurt);
    for (const member of this.#members) {
      member.child.kill('SIGCONT');
      member.proxy.open();
      if (!member.alive) this.unexpected.push(`${member.settings.name} died by itself\n${member.output}`);
    }
    await within('workers that were asked to end have ended', Promise.all(this.#ending), 60_000);
  }

  async stop() {
    await Promise.all(this.#members.map((member) => this.#retire(member)));
  }
}

const FAULTS = [
  'kill9', 'kill9', 'terminate', 'terminate', 'stopAndContinue', 'cut', 'cut', 'freeze', 'slow', 'slow',
  'redisKilled', 'clientsKilled', 'scriptsForgotten', 'redisPaused', 'queuePaused',
];

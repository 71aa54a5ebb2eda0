// Random walks: the same steps on stock 6.x with its own scripts and with ours, under one frozen clock. After each
// step both sides answered alike, and the databases are equal, to the exact score and field.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Chance } from '../lib/chance.mjs';
import { exportScripts } from '../lib/our-scripts.mjs';
import { Lab } from '../lib/redis.mjs';
import { stock, stockOnOurScripts } from '../lib/stock.mjs';
import { QUEUES, Side } from './side.mjs';
import { kindsFor } from './steps.mjs';

const STEPS = Number(process.env.BULLRS_WALK_STEPS ?? 80);
const SEEDS = process.env.BULLRS_WALK_SEED
  ? process.env.BULLRS_WALK_SEED.split(',').map(Number)
  : Array.from({ length: Number(process.env.BULLRS_WALK_SEEDS ?? 24) }, (_, index) => index + 1);

const START = 1_790_000_000_000;
const realNow = Date.now;

const lab = await Lab.start();
let ours;

before(async () => {
  ours = stockOnOurScripts(await exportScripts());
});

test('every script of stock has a counterpart', () => {
  assert.deepEqual(ours.missing, []);
});

for (const seed of SEEDS) {
  const schedulers = seed % 3 === 0;
  test(`walk ${seed}${schedulers ? ', with schedulers' : ''}`, { timeout: 120_000 }, async () => {
    const sides = [new Side(stock(6), await lab.database()), new Side(ours.module, await lab.database())];
    const walk = new Walk(seed, sides);
    Date.now = () => START;
    try {
      await Promise.all(sides.map((side) => side.ready()));
      for (let number = 1; number <= STEPS; number += 1) await walk.step(kindsFor(schedulers));
    } finally {
      Date.now = realNow;
      await Promise.all(sides.map((side) => side.close()));
    }
  });
}

class Walk {
  #tokens = 0;
  #now = START;
  #history = [];

  constructor(seed, sides) {
    this.chance = new Chance(seed * 7919);
    this.sides = sides;
    this.seed = seed;
    this.jobs = [];
  }

  token() {
    this.#tokens += 1;
    return `token-${this.#tokens}`;
  }

  activeCount() {
    return this.sides[0].active.length;
  }

  anyJob(chance) {
    return this.jobs.length ? chance.of(this.jobs) : { queue: 'q', id: 'none' };
  }

  /** Moves the clock once, for both sides. */
  advance(side, ms) {
    if (side === this.sides[0]) this.#now += ms;
    Date.now = () => this.#now;
  }

  async step(kinds) {
    const [name, make] = this.#choose(kinds);
    const [description, play] = make(this.chance, this);
    this.#history.push(`${name} ${JSON.stringify(description)}`);
    const answers = [];
    for (const side of this.sides) {
      Date.now = () => this.#now;
      answers.push(await answerOf(() => play(side)));
    }
    const [theirs, own] = answers;
    assert.deepEqual(own, theirs, this.#say('the answers differ'));
    const [before, after] = await Promise.all(this.sides.map((side) => side.state()));
    this.#compare(before, after);
    assert.deepEqual(this.sides[1].active.map(({ id }) => id), this.sides[0].active.map(({ id }) => id), this.#say('the jobs taken differ'));
    this.jobs = jobsIn(before);
  }

  #choose(kinds) {
    const possible = kinds.filter(([, , make, isPossible]) => (!make.needsActive || this.activeCount() > 0) && (isPossible?.(this) ?? true));
    let at = this.chance.below(possible.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, name, make] of possible) {
      at -= weight;
      if (at < 0) return [name, make];
    }
    throw new Error('no step was chosen');
  }

  #compare(theirs, own) {
    const keys = [...new Set([...Object.keys(theirs), ...Object.keys(own)])].sort();
    for (const key of keys) {
      const { ttl: theirTtl, ...their } = theirs[key] ?? {};
      const { ttl: ownTtl, ...mine } = own[key] ?? {};
      assert.deepEqual(mine, their, this.#say(`${key} differs (stock is what was expected)`));
      assert.equal(ownTtl === null, theirTtl === null, this.#say(`${key} expires on one side only: stock ${theirTtl}, ours ${ownTtl}`));
      assert.ok(Math.abs((ownTtl ?? 0) - (theirTtl ?? 0)) < 30_000, this.#say(`${key} lives longer on one side: stock ${theirTtl}, ours ${ownTtl}`));
    }
  }

  #say(what) {
    const steps = this.#history.map((step, index) => `  ${index + 1}. ${step}`);
    return `walk ${this.seed}, step ${steps.length}: ${what}\n${steps.slice(-25).join('\n')}`;
  }
}

/** What a step answers, or the message it fails with. */
async function answerOf(play) {
  try {
    return { answer: JSON.parse(JSON.stringify((await play()) ?? null), (_, value) => (isRestOfLimit(value) ? 'limited' : value)) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

/** Rate limits of a walk last ten minutes, so what is left of one tells two sides apart by their milliseconds. */
function isRestOfLimit(value) {
  return typeof value === 'number' && value > 570_000 && value <= 600_000;
}

/** All jobs of a database, whatever their state. */
function jobsIn(state) {
  return Object.keys(state).flatMap((key) => {
    const [, queue, id, ...rest] = key.split(':');
    const isJob = QUEUES.includes(queue) && id !== undefined && rest.length === 0 && state[key].type === 'hash' && state[key].value.name !== undefined;
    return isJob ? [{ queue, id }] : [];
  });
}

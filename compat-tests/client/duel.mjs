// The same sequence on two sides, looked at after each step.
import { Chance } from '../lib/chance.mjs';
import { snapshot } from '../lib/snapshot.mjs';
import { isToldOnlyByOurs, knownDifference, settleState } from './known.mjs';
import { canonical, settled, stateDifference, wholeLifetime } from './state.mjs';
import { drawStep, STEPS } from './steps/index.mjs';
import { QUEUES, START, World } from './world.mjs';

export class Duel {
  /** How often each step was played, left out because of a known difference, or cannot be said by the other side. */
  counts = { played: {}, known: {}, inexpressible: {} };

  /**
   * @param options.version  of stock on the left side, 5 or 6
   * @param options.versionText  what `meta.version` says, on both databases
   */
  constructor(left, right, { version, versionText }) {
    Object.assign(this, { left, right, version, versionText });
  }

  /** Draws `length` steps from `seed` and plays them until the sides differ. */
  async draw(seed, length) {
    const chance = new Chance(seed * 2_654_435_761);
    const world = new World(chance, this.version);
    const withSchedulers = seed % 3 === 0;
    return this.#run(world, () => drawStep(chance, world, { withSchedulers }), length);
  }

  /** Plays given steps until the sides differ. */
  async replay(steps) {
    const world = new World(new Chance(0), this.version);
    return this.#run(world, (number) => steps[number], steps.length);
  }

  /** Resolves to `{ steps, difference }`: what was played, and how the last step differed, if it did. */
  async #run(world, next, length) {
    const sides = [this.left, this.right];
    await Promise.all(sides.map((side) => this.begin(side)));
    const steps = [];
    let state = await snapshot(this.left.redis);
    for (let number = 0; number < length; number += 1) {
      const step = next(number);
      if (step.do === 'wait') {
        world.now += step.ms;
        steps.push(step);
        continue;
      }
      const known = knownDifference(step, state, this.version);
      if (known) {
        this.#count('known', known);
        continue;
      }
      steps.push(step);
      const outcome = await this.#step(step, world.now);
      if (outcome.inexpressible) {
        this.#count('inexpressible', `${step.do}: ${outcome.inexpressible}`);
        steps.pop();
        continue;
      }
      this.#count('played', step.do);
      if (outcome.difference) return { steps, difference: { step: step.do, ...outcome.difference } };
      ({ state } = outcome);
      world.observe(state, this.left.taken);
    }
    return { steps };
  }

  /** Empties the database of a side, for a new sequence. */
  async begin(side) {
    await side.redis.flushdb();
    for (const queue of QUEUES) await this.#introduce(side, queue);
    await side.reset();
  }

  /** An app that opens the queue says its version, by which ours goes. */
  async #introduce(side, queue) {
    await side.redis.hset(`bull:${queue}:meta`, 'opts.maxLenEvents', '10000', 'version', this.versionText);
  }

  async #step(step, now) {
    const { meddle, play } = STEPS[step.do];
    const outcomes = [];
    // The right side goes first: what it cannot say is not done on the left either.
    for (const side of [this.right, this.left]) {
      if (meddle) await meddle(side.redis, step);
      const outcome = play ? await side.play(step, now) : { answer: null };
      if (step.do === 'obliterate') await this.#introduce(side, step.queue);
      if (outcome.inexpressible) return outcome;
      outcomes.push(outcome);
    }
    const [right, left] = outcomes;
    const answers = [left, right].map((outcome) => this.#answer(step, outcome));
    if (answers[0] !== answers[1] && !isToldOnlyByOurs(step, left, right)) return { difference: { where: 'answer', stock: { ...left }, other: { ...right } } };
    const [state, other] = await Promise.all([snapshot(this.left.redis), snapshot(this.right.redis)]);
    const difference = stateDifference(settled(settleState(state, this.version)), settled(settleState(other, this.version)));
    return { difference, state };
  }

  #answer(step, { answer, error }) {
    if (error) return `error: ${error}`;
    return canonical(step.do === 'rateLimitTtl' ? wholeLifetime(answer) : answer);
  }

  #count(kind, name) {
    this.counts[kind][name] = (this.counts[kind][name] ?? 0) + 1;
  }
}

// All steps, by name. A step has a weight (how often it is drawn), `make(chance, world)`, which draws its arguments as plain
// JSON, and `play(side, arguments)`, which does it with stock bullmq; the agent knows it by its name. `meddle` is done to
// both databases by hand, before `play`.
import { adding } from './adding.mjs';
import { jobs } from './jobs.mjs';
import { moves } from './moves.mjs';
import { queues } from './queues.mjs';
import { reading } from './reading.mjs';
import { schedulers } from './schedulers.mjs';

export const STEPS = { ...adding, ...jobs, ...moves, ...queues, ...reading, ...schedulers };

/** Draws the next step: `{ do: name, ...arguments }`. Schedulers are drawn only where a sequence is about them. */
export function drawStep(chance, world, { withSchedulers }) {
  const possible = Object.entries(STEPS).filter(
    ([name, step]) => (withSchedulers || !(name in schedulers)) && (step.versions?.includes(world.version) ?? true) && (step.possible?.(world) ?? true),
  );
  let at = chance.next() * possible.reduce((sum, [, { weight }]) => sum + weight, 0);
  const [name, step] = possible.find(([, { weight }]) => (at -= weight) < 0) ?? possible[0];
  return { do: name, ...step.make(chance, world) };
}

// Adding jobs, alone, many at once and as flows.
import { DATA, defined, flowNode, jobOptions, NAMES } from '../options.mjs';

const job = (chance) => defined({ name: chance.of(NAMES), data: chance.maybe(0.95, chance.of(DATA)), opts: chance.maybe(0.9, jobOptions(chance)) });

export const adding = {
  add: {
    weight: 14,
    make: (chance, world) => ({ queue: world.queue(), ...job(chance) }),
    play: async (side, { queue, name, data, opts }) => (await side.queue(queue).add(name, data, opts)).id,
  },
  addBulk: {
    weight: 3,
    make: (chance, world) => ({ queue: world.queue(), jobs: Array.from({ length: chance.below(5) }, () => job(chance)) }),
    play: async (side, { queue, jobs }) => (await side.queue(queue).addBulk(jobs)).map(({ id }) => id),
  },
  addFlow: {
    weight: 5,
    make: (chance) => ({ tree: flowNode(chance) }),
    play: async (side, { tree }) => ids(await side.flow.add(tree)),
  },
  addFlows: {
    weight: 1,
    make: (chance) => ({ trees: Array.from({ length: 1 + chance.below(2) }, () => flowNode(chance)) }),
    play: async (side, { trees }) => (await side.flow.addBulk(trees)).map(ids),
  },
};

/** The ids of a flow, in the shape of its tree. */
function ids({ job: { id }, children = [] }) {
  return { id, children: children.map(ids) };
}

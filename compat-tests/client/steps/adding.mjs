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
  flow: {
    weight: 1,
    make: (chance, world) => ({ ...world.job(), depth: chance.of([1, 2, 10]), maxChildren: chance.of([20, 20, 1_000]) }),
    play: async (side, { queue, id, depth, maxChildren }) => found(await side.flow.getFlow({ queueName: queue, id, depth, maxChildren })),
  },
};

/** A flow that was read: children stand in no order. */
function found(tree) {
  if (!tree?.job) return null;
  const children = (tree.children ?? []).map(found).filter(Boolean);
  return { id: tree.job.id, children: children.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** The ids of a flow, in the shape of its tree. */
function ids({ job: { id }, children = [] }) {
  return { id, children: children.map(ids) };
}

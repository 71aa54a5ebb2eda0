// Plays seeds until one shows a difference, makes that one small, and says it in a form that can be played again.
import { shrink } from './shrink.mjs';

/** Resolves to what `seed` shows: nothing, or `{ seed, steps, difference, report }` with the smallest sequence found. */
export async function hunt(duel, seed, { length = 60, budget } = {}) {
  const first = await duel.draw(seed, length);
  if (!first.difference) return undefined;
  const wanted = kind(first.difference);
  const steps = await shrink(first.steps, async (candidate) => {
    const { difference } = await duel.replay(candidate);
    return difference !== undefined && kind(difference) === wanted;
  }, { budget });
  const last = await duel.replay(steps);
  const result = last.difference ? last : first;
  return { seed, ...result, report: report(duel, seed, first.steps.length, result) };
}

/** What makes two differences the same one: the step that showed it, and the sort of key. */
function kind({ step, where }) {
  return `${step} ${where.replace(/^bull:[^:]*:/, '').replace(/(job|child|leaf)-\w|\d+/g, '*')}`;
}

function report(duel, seed, length, { steps, difference }) {
  const show = (value) => JSON.stringify(value) ?? 'nothing';
  return [
    `seed ${seed} (bullmq ${duel.version} against ${duel.right.name}): after \`${difference.step}\`, ${difference.where} differs`,
    `  stock: ${show(difference.stock)}`,
    `  other: ${show(difference.other)}`,
    `the smallest sequence of ${steps.length} steps (from ${length}):`,
    ...steps.map((step, index) => `  ${index + 1}. ${show(step)}`),
  ].join('\n');
}

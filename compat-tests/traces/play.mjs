// Plays a trace on one side: `{ steps, leaves }`, the keys of `leaves` without their prefix.
import { snapshot } from '../lib/snapshot.mjs';
import { settleState } from '../client/known.mjs';
import { settled } from '../client/state.mjs';
import { STEPS } from '../client/steps/index.mjs';
import { START } from '../client/world.mjs';

/** Resolves to the answer of each step but `wait`, and to what the keys of the trace hold; a key that is not there is null. */
export async function playTrace(duel, side, { steps, leaves }) {
  await duel.begin(side);
  const answers = [];
  let now = START;
  for (const step of steps) {
    if (step.do === 'wait') {
      now += step.ms;
      continue;
    }
    const { meddle, play } = STEPS[step.do];
    await meddle?.(side.redis, step);
    answers.push(play ? told(await side.play(step, now)) : null);
  }
  const state = settled(settleState(await snapshot(side.redis), duel.version));
  return { answers, leaves: Object.fromEntries(Object.keys(leaves).map((key) => [key, held(state.get(`bull:${key}`))])) };
}

/** A job is told by its id, an error by its kind. */
function told({ answer, error }) {
  if (error) return { error };
  return answer?.attemptsStarted === undefined ? answer : { job: answer.id };
}

/** Events as lines, everything else as it is. */
function held(entry) {
  if (entry === undefined) return null;
  const { type, value } = JSON.parse(entry.text);
  return type === 'stream' ? value.map(([, event, ...fields]) => [event, ...fields].join(' ')) : value;
}

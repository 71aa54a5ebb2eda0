// Waiting for a state: asked for again and again, with a deadline and a reason. No test sleeps for a state.
import { setTimeout as pause } from 'node:timers/promises';

/** How long a state may take to come about; generous, since it is spent only by a test that fails. */
export const DEADLINE_MS = 20_000;

/**
 * Resolves to the first truthy value of `ask()`; rejects after `deadline` ms, naming what was waited for and what
 * `ask` said last (or `explain()`, where given).
 */
export async function until(what, ask, { deadline = DEADLINE_MS, every = 10, explain } = {}) {
  const end = Date.now() + deadline;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) {
      const seen = explain ? await explain() : JSON.stringify(answer);
      throw new Error(`not within ${deadline} ms: ${what}; last seen: ${seen}`);
    }
    await pause(every);
  }
}

/** Rejects when `promise` is not settled within `deadline` ms. */
export async function within(what, promise, deadline = DEADLINE_MS) {
  const stop = new AbortController();
  const late = pause(deadline, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`not within ${deadline} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => {});
  }
}

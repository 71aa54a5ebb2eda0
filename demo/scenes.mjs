// What the demo's app enqueues, and how each job ends.

const example = (question, answer) => ({ messages: [{ role: 'user', content: question }, { role: 'assistant', content: answer }] });
const EXAMPLES = Array.from({ length: 12 }, (_, n) => example(`What is ${n} plus ${n}?`, `${2 * n}.`));

/**
 * Each scene: the job, what its payload says, what goes wrong on the way (`fault`, of the stand-in), how it ends.
 */
export function scenes() {
  return [
    {
      queue: 'content',
      name: 'generate',
      payload: { prompt: 'a bicycle tour along the Danube', maxTokens: 40 },
      ends: 'succeeded',
    },
    {
      queue: 'content',
      name: 'generate',
      payload: { prompt: 'rain on a tin roof', system: 'Be brief.' },
      // One of the two first calls is told to come back in a second.
      fault: { path: '/v1/chat/completions', status: 429, retryAfter: 1 },
      ends: 'succeeded',
    },
    {
      queue: 'content',
      name: 'generate',
      payload: { prompt: 'a letter to nobody', model: 'no-such-model' },
      ends: 'failed',
    },
    {
      queue: 'fineTune',
      name: 'export',
      payload: { examples: EXAMPLES, model: 'gpt-4o-mini-2024-07-18' },
      ends: 'succeeded',
    },
    {
      queue: 'fineTune',
      name: 'start',
      payload: { examples: EXAMPLES, model: 'gpt-4o-mini-2024-07-18', suffix: 'sums' },
      ends: 'succeeded',
    },
    {
      queue: 'content',
      name: 'recap',
      payload: { window: '1h' },
      options: { delay: 4_000 },
      ends: 'succeeded',
    },
  ];
}

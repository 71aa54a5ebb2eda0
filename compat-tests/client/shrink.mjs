// Makes a sequence that shows a difference as short and as plain as it can be while it still shows the same one.

/**
 * @param steps  a sequence after which `differs` says yes
 * @param differs  `async (steps) => boolean`; must answer the same each time
 * @param budget  how often `differs` may be asked
 */
export async function shrink(steps, differs, { budget = 400 } = {}) {
  const asked = { left: budget };
  const still = async (candidate) => {
    if (asked.left <= 0) return false;
    asked.left -= 1;
    return differs(candidate);
  };
  let best = steps;
  for (;;) {
    const shorter = await withoutParts(best, still);
    const plainer = await withPlainerSteps(shorter, still);
    if (plainer === best || asked.left <= 0) return plainer;
    best = plainer;
  }
}

/** Leaves out runs of steps, long ones first. */
async function withoutParts(steps, still) {
  let best = steps;
  for (let length = Math.ceil(best.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
    for (let from = best.length - length; from >= 0; from -= length) {
      const candidate = [...best.slice(0, from), ...best.slice(from + length)];
      if (candidate.length > 0 && (await still(candidate))) best = candidate;
      from = Math.min(from, best.length);
    }
  }
  return best;
}

async function withPlainerSteps(steps, still) {
  let best = steps;
  for (let index = 0; index < best.length; index += 1) {
    for (let found = true; found; ) {
      found = false;
      for (const step of plainer(best[index])) {
        const candidate = [...best.slice(0, index), step, ...best.slice(index + 1)];
        if (await still(candidate)) {
          best = candidate;
          found = true;
          break;
        }
      }
    }
  }
  return best;
}

/** Arguments without which a step says nothing. */
const NEEDED = ['do', 'queue', 'id', 'token', 'taken', 'kind', 'value', 'ms', 'state', 'states', 'start', 'end', 'scheduler'];

/** Values a little plainer than `value`: without a field, without an item, a shorter text, a rounder number. */
function* plainer(value, isStep = true) {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) yield [...value.slice(0, index), ...value.slice(index + 1)];
    for (let index = 0; index < value.length; index += 1) {
      for (const item of plainer(value[index], false)) yield value.map((kept, at) => (at === index ? item : kept));
    }
  } else if (value !== null && typeof value === 'object') {
    for (const name of Object.keys(value)) {
      if ((isStep && NEEDED.includes(name)) || name === 'jobId' || name === 'queueName' || (value.queue && value.id) || value[name]?.jobId !== undefined) continue;
      const { [name]: _dropped, ...kept } = value;
      yield kept;
    }
    for (const [name, part] of Object.entries(value)) {
      if (isStep && NEEDED.includes(name)) continue;
      for (const simpler of plainer(part, false)) yield { ...value, [name]: simpler };
    }
  } else if (typeof value === 'string' && value.length > 10) {
    yield value.slice(0, 3);
  }
}

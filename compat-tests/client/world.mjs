// What the maker of steps knows: the names it draws from, and the jobs that the steps so far have made.

export const QUEUES = ['q', 'p'];

/** When a sequence starts; an instant with no rest in any interval that the steps use. */
export const START = 1_790_000_000_000;

/** Life times (ms) of keys are multiples of this, so that what is left of one names it. */
export const LIFETIME = 600_000;

/** Ids in generations: a job's parent is of an earlier one, since stock overflows its stack on a circle. */
export const GENERATIONS = [
  ['job-a', 'job-b', 'job-c', 'job-d'],
  ['child-a', 'child-b', 'child-c', 'child-d'],
  ['leaf-a', 'leaf-b', 'leaf-c', 'leaf-d'],
];

/** Ids that an app may choose, however odd; some scripts split keys at the last colon, so those have no family. */
export const ODD_IDS = ['ünï-🎈', 'with space', '1.5', '007', '-', '+1', '1e3', 'a:b:c', 'repeat:x:1', "quo'te\"", 'x'.repeat(100)];

/** Ids that an app may not choose. */
export const FORBIDDEN_IDS = ['0', '0:1', '12', '-7', 'a:b', 'a:b:c:d'];

export class World {
  #tokens = 0;

  constructor(chance, version) {
    this.chance = chance;
    this.version = version;
    this.now = START;
    this.jobs = [];
    this.taken = [];
  }

  /** A token that no job was taken with before. */
  token() {
    this.#tokens += 1;
    return `token-${this.#tokens}`;
  }

  queue() {
    return this.chance.of(QUEUES);
  }

  /** A job that exists, or now and then one that does not. */
  job() {
    if (this.jobs.length === 0 || this.chance.next() < 0.02) return { queue: this.queue(), id: 'absent' };
    return this.chance.of(this.jobs);
  }

  /** The token of a job that was taken and not yet given back. */
  takenToken() {
    return this.chance.of(this.taken);
  }

  /** Takes note of the database of one side, after a step. */
  observe(state, taken) {
    this.taken = taken;
    this.jobs = [];
    for (const [key, { type, value }] of state) {
      const [, queue, ...rest] = key.split(':');
      const id = rest.join(':');
      if (type === 'hash' && value.name !== undefined && value.timestamp !== undefined && !id.startsWith('dn:')) this.jobs.push({ queue, id });
    }
  }
}

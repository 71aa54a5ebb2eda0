// What kind of refusal an error of stock bullmq is, in words that both clients share.

const KINDS = [
  [/^Missing key for parent job/, 'parent not found'],
  [/^Missing key for job/, 'job not found'],
  [/^Missing lock for job|^Lock mismatch for job/, 'lock lost'],
  [/is not in the \S+ state/, 'wrong state'],
  [/has pending dependencies/, 'pending children'],
  [/cannot be replaced/, 'other parent'],
  [/belongs to a job scheduler and cannot be removed/, 'belongs to scheduler'],
  [/has at least one failed child/, 'failed children'],
  [/Cannot create job scheduler iteration/, 'slot taken'],
  [/Cannot obliterate non-paused queue|Cannot obliterate queue with active jobs/, 'cannot obliterate'],
];

/** Checks that a client makes before it calls Redis: all are one kind, `invalid`. */
const CHECKS = /JobId cannot|cannot be integers|cannot start with 0|cannot contain|Custom Id|exceeds the limit|Priority should|must be (a|provided|defined|between)|should be|options? (must|are|is) |are defined for|greater than|Job cannot|mutually exclusive|Missing|[Ii]nvalid|[Dd]eduplication|jitter|Expected/;

export function kindOf(error) {
  const message = String(error?.message ?? error);
  const known = KINDS.find(([pattern]) => pattern.test(message));
  if (known) return known[1];
  if (/user_script|@user_script|ERR /.test(message)) return `script: ${message}`;
  return CHECKS.test(message) ? 'invalid' : `other: ${message}`;
}

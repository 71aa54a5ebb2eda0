// What holds in every database that a worker left, with the exact instants that `normalise` takes away.
import assert from 'node:assert/strict';

/** Checks the times of each finished job against each other and against the sets. */
export function checkInvariants(dumped) {
  for (const [key, { type, value }] of Object.entries(dumped)) {
    if (type === 'zset' && /:(completed|failed)$/.test(key)) {
      for (const [id, score] of value) checkFinished(dumped, key.replace(/[^:]+$/, ''), id, score);
    }
    if (type === 'stream') checkOrder(key, value);
  }
}

function checkFinished(dumped, prefix, id, score) {
  const job = dumped[prefix + id]?.value;
  assert.ok(job, `${prefix}${id} is finished, but has no hash`);
  if (job.finishedOn === undefined) return;
  assert.equal(score, job.finishedOn, `${prefix}${id}: its score is its finishedOn`);
  if (job.processedOn === undefined) return;
  assert.ok(Number(job.processedOn) <= Number(job.finishedOn), `${prefix}${id}: processedOn is not after finishedOn`);
  const queued = job.parentKey === undefined ? Number(job.timestamp) : 0;
  assert.ok(queued <= Number(job.processedOn) + 1, `${prefix}${id}: it was not processed before it was added`);
  assert.ok(!(`${prefix}${id}:lock` in dumped), `${prefix}${id} is finished, but locked`);
}

/** A job's `active` comes before the `completed` or `failed` that ends it, and nothing ends twice in a row. */
function checkOrder(key, entries) {
  const active = new Set();
  for (const { fields } of entries) {
    const { event, jobId } = Object.fromEntries(fields);
    if (event === 'active') active.add(jobId);
    if (event === 'completed' || event === 'failed') {
      assert.ok(active.delete(jobId), `${key}: ${event} ${jobId} without an active before it`);
    }
  }
}

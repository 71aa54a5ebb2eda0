// Text for a terminal: lines as events come, a table of jobs, a timeline for each.

const COLOURS = { succeeded: 32, completed: 32, failed: 31, cancelled: 33, active: 36, progress: 36, delayed: 33 };

function paint(text, kind) {
  const colour = COLOURS[kind];
  return process.stdout.isTTY && colour && !process.env.NO_COLOR ? `\u001b[${colour}m${text}\u001b[0m` : text;
}

/** `12:34:56.789` */
export function clock(at = Date.now()) {
  return new Date(Number(at)).toISOString().slice(11, 23);
}

/** One line for one event of a queue. */
export function eventLine(queue, event, { jobId = '', ...details }) {
  const rest = Object.entries(details)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${clock()}  ${queue.padEnd(9)} ${String(jobId).padEnd(4)} ${paint(event.padEnd(18), event)} ${shorten(rest.join(' '), 90)}`.trimEnd();
}

/** A table of `content_jobs`. */
export function jobTable(jobs) {
  const rows = jobs.map((job) => [
    job.id.slice(0, 8),
    `${job.queue}/${job.name}`,
    job.job_id ?? '-',
    paint(job.status.padEnd(9), job.status),
    `${job.attempts_made ?? 0}/${job.max_attempts ?? '-'}`,
    job.started_at && job.finished_at ? `${job.finished_at - job.started_at} ms` : '-',
    shorten(job.error ?? job.result ?? '', 60),
  ]);
  const head = ['row', 'job', 'id', 'status   ', 'tries', 'took', 'result or error'];
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => visible(row[column]))));
  const line = (row) => row.map((cell, column) => cell + ' '.repeat(widths[column] - visible(cell))).join('  ').trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/** The rows of `job_events` of one job, with the time since the first. */
export function timeline(job, events) {
  const first = Number(events[0]?.at ?? 0);
  const lines = events.map(({ at, event, attempt, message }) => {
    const since = `+${String(Number(at) - first).padStart(5)} ms`;
    return `    ${since}  ${paint(event.padEnd(18), event)} ${attempt ? `attempt ${attempt}  ` : ''}${shorten(message ?? '', 80)}`.trimEnd();
  });
  return [`  ${job.queue}/${job.name}  ${job.id}`, ...lines].join('\n');
}

function shorten(text, length) {
  const flat = String(text).replaceAll(/\s+/g, ' ');
  return flat.length > length ? `${flat.slice(0, length - 1)}…` : flat;
}

function visible(text) {
  // The escape sequences of colours take no room.
  return String(text).replaceAll(/\u001b\[\d+m/g, '').length;
}

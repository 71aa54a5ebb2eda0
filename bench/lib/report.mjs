// Medians, spread and ratios, and the table of them.
import { peers } from './peers.mjs';

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** What a case is judged by: a key of its measurements, its unit, and whether more is better. */
const measures = {
  drain: ['rate', 'jobs/s', true],
  add: ['rate', 'jobs/s', true],
  latency: ['p50', 'ms (p50)', false],
  start: ['ms', 'ms', false],
  idle: ['rssMiB', 'MiB', false],
};

/** Each cell with the median, least and most of every peer, and bullrs against the best of the others. */
export function cells(results) {
  return results.cells.map((cell) => {
    const [key, unit, more] = measures[cell.kind];
    const rows = Object.entries(cell.peers).map(([peer, runs]) => {
      const summary = { peer, runs: runs.length };
      for (const name of Object.keys(runs[0])) summary[name] = median(runs.map((run) => run[name]));
      const values = runs.map((run) => run[key]);
      return { ...summary, value: summary[key], least: Math.min(...values), most: Math.max(...values) };
    });
    const ours = rows.find(({ peer }) => peer === 'bullrs');
    const others = rows.filter(({ peer }) => peer !== 'bullrs').sort((a, b) => (more ? b.value - a.value : a.value - b.value));
    const best = others[0];
    const ratio = ours && best ? (more ? ours.value / best.value : best.value / ours.value) : undefined;
    return { ...cell, unit, rows, best, ratio };
  });
}

export function table(results) {
  const { machine, versions } = results;
  const lines = [
    `Measured ${results.date.slice(0, 10)} on ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}; `
      + `Redis ${versions.redis}, Node ${machine.node}; ${Object.entries(versions).filter(([name]) => peers[name]).map(([name, version]) => `${peers[name].title} ${version}`).join(', ')}.`,
    `Load of the machine: ${results.loadBefore.toFixed(1)} before, ${(results.loadAfter ?? results.loadBefore).toFixed(1)} after. Medians, in brackets the least and the most.`,
    '',
    '| case | concurrency | peer | result | against the best peer | own CPU µs/job | Redis CPU µs/job | script µs/job | others on the machine, cores | longest command ms | peak MiB | runs |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const cell of cells(results)) {
    for (const row of cell.rows) {
      const ratio = row.peer === 'bullrs' && cell.ratio ? `**${cell.ratio.toFixed(2)}×**${goal(cell)}` : '';
      lines.push(
        `| ${cell.title} | ${cell.concurrency || ''} | ${peers[row.peer].title} | ${number(row.value)} ${cell.unit} (${number(row.least)}–${number(row.most)})${more(cell, row)} | ${ratio} | ${
          [row.clientUs, row.redisUs, row.scriptUs, row.foreignCores, row.longestMs, row.peakMiB].map((value) => (value === undefined ? '' : number(value))).join(' | ')
        } | ${row.runs} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function goal(cell) {
  return ['drain', 'add', 'latency'].includes(cell.kind) && cell.target ? `, goal ${cell.target}×` : cell.target ? `, goal ≤ ${cell.target} ${cell.unit}` : '';
}

function more(cell, row) {
  if (cell.kind === 'latency') return `, p99 ${number(row.p99)} ms`;
  if (cell.kind === 'idle') return `, ${row.cpuPercent.toFixed(1)} % CPU, ${number(row.commands)} commands/s, ${row.connections} connections`;
  return '';
}

const number = (value) => (value >= 1000 ? Math.round(value).toLocaleString('en-US') : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));

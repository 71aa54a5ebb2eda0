// What the machine and Redis spent on a run.
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

const TICK_US = 10_000; // Linux counts process time in 1/100 s

/** CPU time of a process so far, in µs. */
export function processCpu(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Resident memory of a process in KiB: now and at its highest. */
export function processMemory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
  return { now: kib('VmRSS'), peak: kib('VmHWM') };
}

/** CPU time of the whole machine so far, in µs: all of it that was used. */
export function machineCpu() {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1').split('\n')[0].split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq) * TICK_US;
}

/** CPU and script time of a Redis so far in µs, and how many scripts and commands it ran. */
export async function redisCost(client) {
  const [cpu, stats] = await Promise.all([client.info('cpu'), client.info('commandstats')]);
  const seconds = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(cpu)[1]);
  const cost = { cpu: (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6, script: 0, scripts: 0, commands: 0 };
  for (const [, name, calls, microseconds] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)) {
    cost.commands += Number(calls);
    if (name.startsWith('eval') || name.startsWith('fcall')) {
      cost.scripts += Number(calls);
      cost.script += Number(microseconds);
    }
  }
  return cost;
}

/** The longest that one command kept Redis busy since `slowlog reset`, in µs. */
export async function longestCommand(client) {
  const entries = await client.call('SLOWLOG', 'GET', '128');
  return Math.max(0, ...entries.map((entry) => Number(entry[2])));
}

export function machine() {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    node: process.versions.node,
  };
}

export const load = () => loadavg()[0];

import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { addCounter, addGauge } from './asked-metric.ts';

/** Tells what this process uses, when that is read, under the names that all exporters have. */
export function measureProcess(registry: Registry): void {
  addCounter(registry, {
    name: 'process_cpu_seconds_total',
    help: 'Processor time of this process and its threads, in seconds. Jobs in processes of their own are not in it.',
    read() {
      const { user, system } = process.cpuUsage();
      return [[{}, (user + system) / 1e6]];
    },
  });
  addGauge(registry, {
    name: 'process_start_time_seconds',
    help: 'When this process was started, in seconds since 1970.',
    read: () => [[{}, performance.timeOrigin / 1000]],
  });
  addGauge(registry, {
    name: 'process_resident_memory_bytes',
    help: 'Memory of this process, in bytes.',
    read: () => [[{}, process.memoryUsage.rss()]],
  });
  addGauge(registry, {
    name: 'nodejs_heap_size_used_bytes',
    help: 'What is in use of the heap of the main thread, in bytes.',
    read: () => [[{}, process.memoryUsage().heapUsed]],
  });
  describeDescriptors(registry);
}

/** Nothing where there is no /proc. */
function describeDescriptors(registry: Registry): void {
  const most = mostDescriptors();
  if (most === undefined) return;
  addGauge(registry, {
    name: 'process_max_fds',
    help: 'How many file descriptors there may be.',
    read: () => [[{}, most]],
  });
  addGauge(registry, {
    name: 'process_open_fds',
    help: 'How many file descriptors are open.',
    read: () => [[{}, openDescriptors() ?? most]],
  });
}

/** Undefined: there is none left to look with. */
function openDescriptors(): number | undefined {
  try {
    // One of them is the folder itself.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}

function mostDescriptors(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

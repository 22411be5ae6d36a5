import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { readProcessTable } from '../../../src/processors/child/process-table.ts';
import { collectGarbage } from '../../support/collect-garbage.ts';

/** What this process holds at one moment. */
export interface Figures {
  /** Open file descriptors. */
  readonly descriptors: number;
  /** Processes that descend from this one, those that are not waited for among them. */
  readonly processes: number;
  /** Threads, those of Node itself among them. */
  readonly threads: number;
  /** Listeners of the process and of a signal that all jobs share. */
  readonly listeners: number;
  /** Timers, sockets and the like that keep the loop busy. */
  readonly handles: number;
  /** Files in the folder for temporary files; pipes, which are in stock, do not count. */
  readonly files: number;
  /** Of JavaScript, after a garbage collection. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Of the processes that descend from this one. */
  readonly childRssBytes: number;
}

/** What may not grow by one. */
export const COUNTED = ['descriptors', 'processes', 'threads', 'listeners', 'handles', 'files'] as const;

export function takeFigures(shared: AbortSignal): Figures {
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  const children = descendants();
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    processes: children.length,
    threads: readdirSync('/proc/self/task').length,
    listeners: countListeners() + getEventListeners(shared, 'abort').length,
    handles: process.getActiveResourcesInfo().length,
    files: readdirSync(tmpdir(), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      .length,
    heapBytes: heapUsed,
    rssBytes: rss,
    childRssBytes: children.reduce((sum, pid) => sum + rssOf(pid), 0),
  };
}

function countListeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
}

function descendants(): number[] {
  const table = readProcessTable();
  const found = [process.pid];
  for (const parent of found)
    found.push(...table.filter((entry) => entry.parent === parent).map(({ pid }) => pid));
  return found.slice(1);
}

function rssOf(pid: number): number {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

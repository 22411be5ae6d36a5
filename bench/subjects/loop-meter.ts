import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Child } from '../child.ts';
import type { Sample } from '../measure.ts';

const PROGRAM = fileURLToPath(new URL('../programs/loop-meter.mjs', import.meta.url));
const LIMIT_MS = 30_000;

/** What a daemon's Node is started with, beside a channel for messages, so that its event loop can be measured. */
export const METER = ['--import', PROGRAM] as const;

export function startLoopMeter(worker: Child): void {
  worker.process.send('start');
}

/**
 * For each of so many jobs, how long the event loop was not waiting, blocking calls included, and of that how long it had a
 * processor; and how late its timers were.
 */
export async function readLoopMeter(worker: Child, jobs: number): Promise<Sample> {
  const told = once(worker.process, 'message', { signal: AbortSignal.timeout(LIMIT_MS) });
  worker.process.send('read');
  const [{ busyMs, cpuMs, latenessMs }] = (await told) as [Record<'busyMs' | 'cpuMs' | 'latenessMs', number>];
  return { busy: (busyMs * 1000) / jobs, loopCpu: (cpuMs * 1000) / jobs, lateness: latenessMs };
}

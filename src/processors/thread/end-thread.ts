import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { stopTree } from '../child/stop.ts';
import type { Log } from '../options.ts';

/** Nobody but a thread whose loop turns collects the children that it has started: it gets so long to. */
const COLLECT_LIMIT_MS = 100;
/** A thread that sits in a call of the system cannot be terminated: its jobs are over for us all the same. */
const TERMINATE_LIMIT_MS = 1_000;
/** Who is ended here with a job has had that job's grace already, and the daemon does not wait much longer. */
const LONGEST_GRACE_MS = 2_000;

export interface EndThreadOptions {
  readonly worker: Worker;
  /** Resolves when the worker has exited. */
  readonly exited: Promise<void>;
  /** `NAME=value` in the thread's environment, and so in that of the processes that it starts. */
  readonly marker: string;
  readonly killGraceMs: number;
  readonly log?: Log | undefined;
}

/** Ends a thread and the processes that it has started. Over when they are gone, or cannot be ended. Never rejects. */
export async function endThread({
  worker,
  exited,
  marker,
  killGraceMs,
  log,
}: EndThreadOptions): Promise<void> {
  const stopProcesses = () =>
    stopTree({ marker, killGraceMs: Math.min(killGraceMs, LONGEST_GRACE_MS), includesEscaped: () => true });
  const stopped = stopProcesses();
  await endsWithin(stopped, COLLECT_LIMIT_MS);
  void worker.terminate();
  let areGone = await stopped;
  // One that sits in execSync is free only now.
  if (!(await endsWithin(exited, TERMINATE_LIMIT_MS))) {
    log?.('warn', 'a thread could not be ended: it sits in a call of the system');
  }
  // Until its end it could start others.
  areGone &&= await stopProcesses();
  if (!areGone) log?.('warn', 'processes that a module has started could not be ended');
}

async function endsWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const over = new AbortController();
  try {
    const limit = delay(limitMs, false, { signal: over.signal }).catch(() => false);
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    over.abort();
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/** After SIGKILL only the kernel can keep a process: it is waited for this long, then given up. */
const KILL_LIMIT_MS = 2_000;
const LONGEST_POLL_MS = 50;

/** Processes that are to end together. */
export interface Processes {
  /** Who of them is alive now: looked up anew at each call. */
  find(): readonly unknown[];
  /** Tells those who are alive now. */
  signal(signal: NodeJS.Signals): void;
}

/** Ends processes: TERM, `killGraceMs`, KILL. True when nothing of them is left. */
export async function endProcesses(processes: Processes, killGraceMs: number): Promise<boolean> {
  if (processes.find().length === 0) return true;
  processes.signal('SIGTERM');
  // A stopped process hears nothing but KILL until it is continued.
  processes.signal('SIGCONT');
  if (await areGone(processes, killGraceMs)) return true;
  return areGone(processes, KILL_LIMIT_MS, () => processes.signal('SIGKILL'));
}

/** Sends a signal to a process, or to a group when `pid` is negative, if it can be. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended, or is not ours to signal: the next look tells.
  }
}

async function areGone(processes: Processes, limitMs: number, eachTime?: () => void): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, LONGEST_POLL_MS)) {
    eachTime?.();
    if (processes.find().length === 0) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(pauseMs, leftMs));
  }
}

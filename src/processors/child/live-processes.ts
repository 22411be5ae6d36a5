import { readProcessTable, wasStartedWith } from './process-table.ts';

/** Processes that a job or a thread has started. */
export interface LiveProcesses {
  /** Their process group, if they have one of their own. */
  readonly group?: number;
  /** `NAME=value` in the environment of each of them and of no other. */
  readonly marker: string;
}

const live = new Set<LiveProcesses>();
let isListening = false;

/**
 * A daemon that ends in a hurry (a second signal, a bug) takes along what still runs. Returns what takes these
 * processes off the list, to be called when they are gone.
 */
export function endWithDaemon(processes: LiveProcesses): () => void {
  if (!isListening) process.on('exit', killLive);
  isListening = true;
  live.add(processes);
  return () => live.delete(processes);
}

function killLive(): void {
  if (live.size === 0) return;
  for (const { group } of live) if (group !== undefined) kill(-group);
  for (const { pid } of readProcessTable()) {
    if ([...live].some(({ marker }) => wasStartedWith(pid, marker))) kill(pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

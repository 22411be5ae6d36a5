import type { DaemonStatus, JobStatus, QueueStatus } from '../../job/status.ts';
import { formatElapsed } from './elapsed.ts';
import { table } from './table.ts';
import { oneLine } from './terminal-text.ts';

/** What a daemon is doing, for people: a line for itself, a table of its queues, and one of its jobs if there are any. */
export function statusTable({ daemon, queues, jobs }: DaemonStatus): string {
  const { version, pid, since, state, files } = daemon;
  const stopping = state === 'stopping' ? ', stopping' : '';
  const head = `rbit-ts ${version}, process ${pid}, up ${elapsed(since)}${stopping}: ${files.map(oneLine).join(', ')}\n`;
  const parts = [head, table(QUEUE_HEAD, queues.map(queueRow))];
  if (jobs.length > 0) parts.push(table(JOB_HEAD, jobs.map(jobRow)));
  return parts.join('\n');
}

// What may be long comes last, so that it pushes nothing away.
const QUEUE_HEAD = ['queue', 'runner', 'processor', 'consumers', 'waiting', 'running', 'state'];
const JOB_HEAD = ['job', 'queue', 'runner', 'attempt', 'state', 'for', 'progress', 'last line'];

function queueRow(status: QueueStatus): string[] {
  const { queue, runner, processor, consumers, waiting, running, state, reason } = status;
  return [
    queue,
    runner,
    processor,
    count(consumers),
    count(waiting),
    String(running),
    `${state.replace('-', ' ')}${reason === undefined ? '' : `: ${reason}`}`,
  ].map(oneLine);
}

function jobRow({
  id,
  queue,
  runner,
  attempt,
  state,
  since,
  started,
  progress,
  lastLine,
}: JobStatus): string[] {
  const far = progress === undefined ? '' : `${Math.floor(progress.percent)}% ${progress.message ?? ''}`;
  return [id, queue, runner, String(attempt), state, elapsed(started ?? since), far, lastLine ?? ''].map(
    oneLine,
  );
}

function count(known: number | null): string {
  return known === null ? '?' : String(known);
}

function elapsed(since: string): string {
  return formatElapsed(Math.max(0, Date.now() - Date.parse(since)));
}

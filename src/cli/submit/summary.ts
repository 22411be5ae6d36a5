import type { Tally } from '../../client/tally.ts';
import { formatRate } from '../terminal/count-bar.ts';

/** What became of many jobs, as it stands in `--json`; p50 and p95 are from sending to the final reply. */
export interface Summary {
  readonly event: 'summary';
  readonly completed: number;
  readonly failed: number;
  readonly unanswered: number;
  readonly seconds: number;
  readonly jobsPerSecond: number;
  /** Null when no job was answered. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** Sums up so many jobs that were sent, `elapsedMs` after the first of them. */
export function summarize(tally: Tally, sent: number, elapsedMs: number): Summary {
  const { completed, failed } = tally;
  const answered = completed + failed;
  return {
    event: 'summary',
    completed,
    failed,
    unanswered: Math.max(0, sent - answered),
    seconds: rounded(elapsedMs / 1000, 100),
    jobsPerSecond: rounded((answered / elapsedMs) * 1000, 10),
    p50Ms: rounded(tally.percentileMs(0.5), 10),
    p95Ms: rounded(tally.percentileMs(0.95), 10),
  };
}

/** One fact a line: its name, a space and a number. */
export function summaryLines(summary: Summary): string {
  const { completed, failed, unanswered, seconds, jobsPerSecond, p50Ms, p95Ms } = summary;
  const facts = [
    ['completed', completed],
    ['failed', failed],
    ['unanswered', unanswered],
    ['seconds', seconds],
    ['jobs/s', formatRate(jobsPerSecond)],
    ['p50-ms', p50Ms ?? '-'],
    ['p95-ms', p95Ms ?? '-'],
  ];
  return facts.map(([name, value]) => `${name} ${value}\n`).join('');
}

function rounded(value: number, steps: number): number;
function rounded(value: number | undefined, steps: number): number | null;
function rounded(value: number | undefined, steps: number): number | null {
  return value === undefined ? null : Math.round(value * steps) / steps;
}

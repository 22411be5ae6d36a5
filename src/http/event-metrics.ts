import type { EventEmitter } from 'node:events';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { WorkEvents } from '../job/events.ts';

/** From a no-op to jobs of hours. */
const RUN_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10_800];
/** AMQP counts seconds: less than one cannot be told. */
const WAIT_BUCKETS = [1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400];
/** Clocks of two hosts may differ by so much; a later time stamp is a mistake of the sender's. */
const CLOCK_SKEW_MS = 60_000;
/** An older time stamp is no time stamp: zero, or seconds taken for milliseconds. */
const LONGEST_WAIT_MS = 366 * 86_400_000;
const STATUSES = ['started', 'completed', 'failed'];
const ENDS = ['completed', 'failed', 'blocked', 'interrupted', 'unavailable'];

/** Counts what the workers announce. */
export function countEvents(
  events: EventEmitter<WorkEvents>,
  registry: Registry,
): {
  /** Makes the series of a queue unless they are there, so that its first job is seen as an increase from zero. */
  expect(queue: string, runner: string): void;
} {
  const registers = [registry];
  const labelNames = ['queue', 'runner'] as const;
  const about = { labelNames, registers };

  const jobs = new Counter({
    name: 'rbit_jobs_total',
    help: 'Runs that ended, by outcome. A failure that is retried is in rbit_retries_total instead.',
    labelNames: [...labelNames, 'outcome'],
    registers,
  });
  const retries = new Counter({
    ...about,
    name: 'rbit_retries_total',
    help: 'Runs that failed, and whose job runs again.',
  });
  const redeliveries = new Counter({
    ...about,
    name: 'rbit_redeliveries_total',
    help: 'Messages that the broker had handed out before: their job was run again, or joined while it still ran.',
  });
  const running = new Gauge({ ...about, name: 'rbit_jobs_running', help: 'Jobs that run now.' });
  const duration = new Histogram({
    ...about,
    name: 'rbit_job_duration_seconds',
    help: 'How long runs took, however they ended.',
    buckets: RUN_BUCKETS,
  });
  const wait = new Histogram({
    ...about,
    name: 'rbit_job_wait_seconds',
    help: 'From the time stamp of a message to the first run of its job; of messages that have one.',
    buckets: WAIT_BUCKETS,
  });
  const replies = new Counter({
    name: 'rbit_replies_total',
    help: 'Replies that the broker has confirmed.',
    labelNames: ['status'],
    registers,
  });
  const dropped = new Counter({
    name: 'rbit_replies_dropped_total',
    help: 'Replies that nobody could receive, or that the broker refused.',
    registers,
  });
  for (const status of STATUSES) replies.inc({ status }, 0);

  const expected = new Map<string, Set<string>>();
  function expect(queue: string, runner: string): void {
    const runners = expected.get(queue) ?? new Set();
    if (runners.has(runner)) return;
    expected.set(queue, runners.add(runner));
    for (const outcome of ENDS) jobs.inc({ queue, runner, outcome }, 0);
    for (const counter of [retries, redeliveries]) counter.inc({ queue, runner }, 0);
    running.inc({ queue, runner }, 0);
    for (const histogram of [duration, wait]) histogram.zero({ queue, runner });
  }

  events.on('job:begun', ({ queue, runner, redelivered, waitedMs }) => {
    // Zeroing takes away what is there already.
    expect(queue, runner);
    running.inc({ queue, runner });
    if (redelivered) redeliveries.inc({ queue, runner });
    if (waitedMs !== undefined && waitedMs >= -CLOCK_SKEW_MS && waitedMs <= LONGEST_WAIT_MS)
      wait.observe({ queue, runner }, Math.max(0, waitedMs) / 1000);
  });
  events.on('job:joined', ({ queue, runner }) => redeliveries.inc({ queue, runner }));
  events.on('job:ran', ({ queue, runner, durationMs }) => {
    running.dec({ queue, runner });
    duration.observe({ queue, runner }, durationMs / 1000);
  });
  events.on('job:ended', ({ queue, runner, outcome, isFinal, goesBack, isRepeated }) => {
    // It was counted when its run had ended.
    if (isRepeated) return redeliveries.inc({ queue, runner });
    if (outcome.kind !== 'failed' || isFinal) jobs.inc({ queue, runner, outcome: outcome.kind });
    else if (goesBack) retries.inc({ queue, runner });
  });
  // What lies in a file of replies may be anything.
  events.on('reply:sent', ({ status }) =>
    replies.inc({ status: STATUSES.includes(status) ? status : 'unknown' }),
  );
  events.on('reply:dropped', () => dropped.inc());

  return { expect };
}

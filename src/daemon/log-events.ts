import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';
import { formatDuration } from '../job/duration.ts';
import type { Announcer, RunFacts, WorkEvents } from '../job/events.ts';
import type { DaemonStatus } from '../job/status.ts';
import type { Running } from '../worker/running.ts';
import type { Log } from './log.ts';

/** Words what the workers announce: the one place that decides level and text of a job's log lines. */
export function logWork(log: Log, events: Announcer): void {
  events.on('job:begun', (facts) => log.debug(fields(facts), `${name(facts)} begun`));
  events.on('job:output', ({ line, ...facts }) => log.info(fields(facts), line));
  events.on('job:progress', ({ percent, message, ...facts }) =>
    log.debug(
      { ...fields(facts), percent },
      `${name(facts)} at ${percent} %${message === undefined ? '' : `: ${message}`}`,
    ),
  );
  events.on('job:ended', logEnd(log));
  events.on('job:joined', (facts) =>
    log.info(
      fields(facts),
      `${name(facts)} came again while its job is still in hand: joined, not run again`,
    ),
  );
  events.on('job:cancelled', (facts) =>
    log.info(fields(facts), `${name(facts)} is cancelled by an operator`),
  );
  events.on('job:stuck', ({ afterMs, ...facts }) =>
    log.error(
      fields(facts),
      `${name(facts)} did not end within ${formatDuration(afterMs)} of its abort: given up`,
    ),
  );
  events.on('reply:dropped', ({ replyTo, status, reason, runner, isRepeated }) => {
    if (isRepeated) return;
    log.warn({ runner, replyTo, status }, `reply "${status}" to ${replyTo} dropped: ${reason}`);
  });
  events.on('settle:stuck', ({ disposal, reason, waitMs, ...facts }) =>
    log.error(
      fields(facts),
      `${name(facts)}: ${disposal} is not possible: ${reason} (kept; next step in ${inWords(waitMs)})`,
    ),
  );
  events.on('reply:waiting', ({ status, ...facts }) =>
    log.info(
      { ...fields(facts), status },
      `${name(facts)} ${status}, but its message was lost meanwhile: the reply waits until it comes again`,
    ),
  );
  events.on('job:suspect', ({ crashes, ...facts }) =>
    log.warn(
      fields(facts),
      `${name(facts)} waits: the daemon died ${crashes === 1 ? 'once' : `${crashes} times`} with it in hand, and such jobs run one at a time`,
    ),
  );
  events.on('job:duplicate', (facts) =>
    log.warn(
      fields(facts),
      `${name(facts)}: its message was put back twice; this one is dropped, the other is worked`,
    ),
  );
  events.on('journal:lost', ({ reason, retryInMs }) =>
    log.error(
      `the journal cannot be written: ${reason}; all queues are paused (next try in ${inWords(retryInMs)})`,
    ),
  );
  events.on('journal:open', ({ file }) => log.debug(`journal ${file}`));
  events.on('queue:paused', ({ queue, runner, reason, retryInMs }) =>
    log.error(
      { queue, runner },
      `queue ${queue} paused: runner ${runner} cannot be started: ${reason} (next try in ${formatDuration(retryInMs)})`,
    ),
  );
  events.on('queue:probing', ({ queue }) => log.info({ queue }, `queue ${queue}: trying one job`));
  events.on('queue:resumed', ({ queue }) => log.info({ queue }, `queue ${queue} resumed`));
  events.on('queue:held', ({ queue }) =>
    log.warn({ queue }, `queue ${queue} paused by an operator, until it is resumed or the daemon restarted`),
  );
  events.on('queue:released', ({ queue }) => log.info({ queue }, `queue ${queue} resumed by an operator`));
  events.on('bug', ({ where, error }) => log.error({ err: error }, `bug in ${where}`));
}

/** Words what the broker announces about itself. */
export function logBroker(log: Log, events: EventEmitter<BrokerEvents>): void {
  events.on('connection:open', ({ purpose, url }) =>
    log.info({ purpose }, `connected to ${url} (${purpose})`),
  );
  events.on('connection:lost', ({ purpose, reason, retryInMs }) =>
    log.warn({ purpose }, `no connection (${purpose}): ${reason} (next try in ${inWords(retryInMs)})`),
  );
  events.on('connection:blocked', ({ purpose, reason }) =>
    log.warn({ purpose }, `the broker takes no messages (${purpose}): ${reason}; replies wait`),
  );
  events.on('connection:unblocked', ({ purpose }) =>
    log.info({ purpose }, `the broker takes messages again (${purpose})`),
  );
  events.on('output:lost', ({ reason, retryInMs }) =>
    log.warn(`output and notifications are lost: ${reason} (next try in ${inWords(retryInMs)})`),
  );
  events.on('delivery:unhandled', ({ queue, error }) =>
    log.error({ queue, err: error }, `bug: a message of ${queue} was not taken; it stays with the broker`),
  );
  events.on('consumer:open', ({ queue }) => log.info({ queue }, `consuming queue ${queue}`));
  events.on('consumer:lost', ({ queue, reason, retryInMs }) =>
    log.warn({ queue }, `queue ${queue} is not consumed: ${reason} (next try in ${inWords(retryInMs)})`),
  );
}

/** Says what a daemon is doing, for an operator who asks: a line for itself, for each queue and for each job. */
export function logStatus(log: Log, { daemon, queues, jobs }: DaemonStatus): void {
  const { pid, version, since, state } = daemon;
  const stopping = state === 'stopping' ? ', stopping' : '';
  log.info(
    { pid, running: jobs.length },
    `rbit-ts ${version}, process ${pid}, for ${inSeconds(since)}${stopping}: ${counted(jobs.length, 'job')} in hand`,
  );
  for (const { queue, runner, reason, consumers, running, waiting, ...facts } of queues) {
    const counts = [
      `${running} in hand`,
      ...(waiting === null ? [] : [`${waiting} waiting`]),
      ...(consumers === null ? [] : [counted(consumers, 'consumer')]),
    ];
    log.info(
      { queue, runner, state: facts.state },
      `queue ${queue}: ${facts.state}${reason === undefined ? '' : ` (${reason})`}; ${counts.join(', ')}`,
    );
  }
  for (const { id, queue, runner, attempt, progress, lastLine, ...facts } of jobs) {
    const far =
      progress === undefined ? '' : `, at ${progress.percent} % ${progress.message ?? ''}`.trimEnd();
    const said = lastLine === undefined ? '' : `; last line: ${lastLine}`;
    log.info(
      { queue, runner, job: id, attempt, state: facts.state },
      `${name({ queue, runner, id, attempt })}: for ${inSeconds(facts.started ?? facts.since)}, ${facts.state}${far}${said}`,
    );
  }
}

/** Names the jobs that a stop does not wait for any longer. */
export function logVictims(log: Log, running: readonly Running[], waitedMs: number): void {
  for (const { facts, verdict } of running) {
    const waited = formatDuration(waitedMs);
    const words =
      verdict === undefined
        ? `still runs after ${waited}: it is ended, its message goes back`
        : `${verdict.outcome.kind}, but the broker has not heard it after ${waited}: it hands the message out again`;
    log.warn(fields(facts), `${name(facts)} ${words}`);
  }
}

const END_LEVELS = {
  completed: 'info',
  failed: 'warn',
  blocked: 'info',
  interrupted: 'warn',
  unavailable: 'warn',
} as const;

function logEnd(log: Log): (end: WorkEvents['job:ended'][0]) => void {
  return ({ outcome, durationMs, disposal, because, ...facts }) => {
    const detail =
      outcome.kind === 'failed' && outcome.detail !== undefined ? { detail: outcome.detail } : {};
    const why = because === outcome.kind ? '' : `: ${because}`;
    log[END_LEVELS[outcome.kind]](
      { ...fields(facts), outcome: outcome.kind, durationMs, disposal, ...detail },
      `${name(facts)} ${outcome.kind} after ${formatDuration(durationMs)}${why}; message ${disposal}`,
    );
  };
}

function inSeconds(since: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  return formatDuration(seconds * 1000);
}

function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}

function inWords(ms: number): string {
  return formatDuration(Math.round(ms));
}

function fields({ queue, runner, id, attempt }: RunFacts): Record<string, unknown> {
  return { queue, runner, job: id, attempt };
}

function name({ queue, id, attempt }: RunFacts): string {
  return `job ${id} of ${queue}${attempt > 1 ? ` (attempt ${attempt})` : ''}`;
}

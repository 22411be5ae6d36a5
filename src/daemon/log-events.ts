import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../broker/broker.ts';
import { formatDuration } from '../job/duration.ts';
import type { Announcer, RunFacts, WorkEvents } from '../job/events.ts';
import type { DaemonStatus } from '../job/status.ts';
import type { Running } from '../worker/running.ts';
import type { Log } from './log.ts';

/** Words what the workers announce: the one place that decides level and text of a job's log lines. */
export function logWork(log: Log, events: Announcer): void {
  const on = listenFor<WorkEvents>(log, events);
  on('job:begun', 'debug', (facts) => [fields(facts), `${name(facts)} begun`]);
  on('job:output', 'info', ({ line, ...facts }) => [fields(facts), line]);
  on('job:progress', 'debug', ({ percent, message, ...facts }) => [
    { ...fields(facts), percent },
    `${name(facts)} at ${percent} %${message === undefined ? '' : `: ${message}`}`,
  ]);
  on('job:ended', ({ outcome }) => END_LEVELS[outcome.kind], wordEnd);
  on('job:joined', 'info', (facts) => [
    fields(facts),
    `${name(facts)} came again while its job is still in hand: joined, not run again`,
  ]);
  on('job:cancelled', 'info', (facts) => [fields(facts), `${name(facts)} is cancelled by an operator`]);
  on('job:stuck', 'error', ({ afterMs, ...facts }) => [
    fields(facts),
    `${name(facts)} did not end within ${formatDuration(afterMs)} of its abort: given up`,
  ]);
  on('reply:dropped', 'warn', ({ replyTo, status, reason, runner, isRepeated }) =>
    isRepeated
      ? undefined
      : [{ runner, replyTo, status }, `reply "${status}" to ${replyTo} dropped: ${reason}`],
  );
  on('settle:stuck', 'error', ({ disposal, reason, waitMs, ...facts }) => [
    fields(facts),
    `${name(facts)}: ${disposal} is not possible: ${reason} (kept; next step in ${inWords(waitMs)})`,
  ]);
  on('reply:waiting', 'info', ({ status, ...facts }) => [
    { ...fields(facts), status },
    `${name(facts)} ${status}, but its message was lost meanwhile: the reply waits until it comes again`,
  ]);
  on('job:suspect', 'warn', ({ crashes, ...facts }) => [
    fields(facts),
    `${name(facts)} waits: the daemon died ${crashes === 1 ? 'once' : `${crashes} times`} with it in hand, and such jobs run one at a time`,
  ]);
  on('job:duplicate', 'warn', (facts) => [
    fields(facts),
    `${name(facts)}: its message was put back twice; this one is dropped, the other is worked`,
  ]);
  on('journal:lost', 'error', ({ reason, retryInMs }) => [
    {},
    `the journal cannot be written: ${reason}; all queues are paused (next try in ${inWords(retryInMs)})`,
  ]);
  on('journal:open', 'debug', ({ file }) => [{}, `journal ${file}`]);
  on('queue:paused', 'error', ({ queue, runner, reason, retryInMs }) => [
    { queue, runner },
    `queue ${queue} paused: runner ${runner} cannot be started: ${reason} (next try in ${formatDuration(retryInMs)})`,
  ]);
  on('queue:probing', 'info', ({ queue }) => [{ queue }, `queue ${queue}: trying one job`]);
  on('queue:resumed', 'info', ({ queue }) => [{ queue }, `queue ${queue} resumed`]);
  on('queue:held', 'warn', ({ queue }) => [
    { queue },
    `queue ${queue} paused by an operator, until it is resumed or the daemon restarted`,
  ]);
  on('queue:released', 'info', ({ queue }) => [{ queue }, `queue ${queue} resumed by an operator`]);
  on('bug', 'error', ({ where, error }) => [{ err: error }, `bug in ${where}`]);
}

/** Words what the broker announces about itself. */
export function logBroker(log: Log, events: EventEmitter<BrokerEvents>): void {
  const on = listenFor<BrokerEvents>(log, events);
  on('connection:open', 'info', ({ purpose, url }) => [{ purpose }, `connected to ${url} (${purpose})`]);
  on('connection:lost', 'warn', ({ purpose, reason, retryInMs }) => [
    { purpose },
    `no connection (${purpose}): ${reason} (next try in ${inWords(retryInMs)})`,
  ]);
  on('connection:blocked', 'warn', ({ purpose, reason }) => [
    { purpose },
    `the broker takes no messages (${purpose}): ${reason}; replies wait`,
  ]);
  on('connection:unblocked', 'info', ({ purpose }) => [
    { purpose },
    `the broker takes messages again (${purpose})`,
  ]);
  on('output:lost', 'warn', ({ reason, retryInMs }) => [
    {},
    `output and notifications are lost: ${reason} (next try in ${inWords(retryInMs)})`,
  ]);
  on('queue:stuck', 'warn', ({ queue, afterMs }) => [
    { queue },
    `the broker has not confirmed for ${inWords(afterMs)} what was sent to queue ${queue}: has it lost its leader?`,
  ]);
  on('delivery:unhandled', 'error', ({ queue, error }) => [
    { queue, err: error },
    `bug: a message of ${queue} was not taken; it stays with the broker`,
  ]);
  on('consumer:open', 'info', ({ queue }) => [{ queue }, `consuming queue ${queue}`]);
  on('consumer:lost', 'warn', ({ queue, reason, retryInMs }) => [
    { queue },
    `queue ${queue} is not consumed: ${reason} (next try in ${inWords(retryInMs)})`,
  ]);
}

type Words = readonly [fields: Readonly<Record<string, unknown>>, text: string];

/** What is not logged costs nothing: its words are looked for only while its level, which a reload may change, is on. */
function listenFor<Events extends { [Name in keyof Events]: [unknown] }>(
  log: Log,
  events: EventEmitter<Events>,
) {
  return <Name extends keyof Events & string>(
    event: Name,
    level: Level | ((fact: Events[Name][0]) => Level),
    word: (fact: Events[Name][0]) => Words | undefined,
  ): void => {
    const say = (fact: Events[Name][0]): void => {
      const now = typeof level === 'string' ? level : level(fact);
      if (!log.isLevelEnabled(now)) return;
      const words = word(fact);
      if (words !== undefined) log[now](...words);
    };
    events.on(event as never, say as never);
  };
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

type Level = 'debug' | 'info' | 'warn' | 'error';

const END_LEVELS = {
  completed: 'info',
  failed: 'warn',
  blocked: 'info',
  interrupted: 'warn',
  unavailable: 'warn',
} as const;

function wordEnd(end: WorkEvents['job:ended'][0]): Words {
  const { outcome, durationMs, disposal, reply, because, ...facts } = end;
  const detail = outcome.kind === 'failed' && outcome.detail !== undefined ? { detail: outcome.detail } : {};
  const why = because === outcome.kind ? '' : `: ${because}`;
  return [
    { ...fields(facts), outcome: outcome.kind, durationMs, disposal, reply, ...detail },
    `${name(facts)} ${outcome.kind} after ${formatDuration(durationMs)}${why}; message ${disposal}`,
  ];
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

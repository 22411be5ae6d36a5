import { extraSteps } from './account-of-runs.ts';
import { faultBetween, secondLives, SETTLING_MS } from './causes.ts';
import type { Evidence } from './evidence.ts';
import { groupBy } from './group-by.ts';
import { type Kind, kindOf } from './kinds.ts';
import type { HeardReply } from './requester.ts';

/** What requesters heard. */
export interface AccountOfReplies {
  readonly problems: string[];
  readonly completed: number;
  readonly failed: number;
  readonly missing: number;
  /** Steps of releases that were taken for the equal one before them, and not run: README, guarantee 2. */
  readonly mistaken: number;
  /** Final replies beyond the first, with another message id and of the same host. */
  readonly doubled: number;
  /**
   * Final replies beyond the first, of a message that went to another host when the first one lost it, that a broker
   * which was killed had not written off, or that nobody can tell from an equal one.
   */
  readonly again: number;
  /** Final replies that came again with their message id. */
  readonly copies: number;
  /** Jobs that ran and whose requester never heard "started". */
  readonly neverStarted: number;
  /** Jobs of which one host said "started" when another had answered. */
  readonly lateStarts: number;
}

interface Expected {
  readonly key: string;
  readonly where: string;
  readonly finals: number;
  /** There may be this many more. */
  readonly maybe: number;
  /** This many more are explained by runs that took place again. */
  readonly again: number;
  readonly kind: Kind;
}

/** After that a daemon takes an unanswered acknowledgement for lost, whatever comes. */
const UNANSWERED_MS = 1000;
/** The longest that a host works for one answer, its waiting for a connection included. */
const WORK_MS = 40_000;

/** Holds what was heard against what was sent: each final reply once, no "started" twice, each in its place. */
export function accountOfReplies({ jobs, releases, replies, runs, faults }: Evidence): AccountOfReplies {
  const problems: string[] = [];
  const total = {
    completed: 0,
    failed: 0,
    missing: 0,
    mistaken: 0,
    doubled: 0,
    again: 0,
    copies: 0,
    neverStarted: 0,
    lateStarts: 0,
  };
  const heard = groupBy(replies, ({ key }) => key);
  const runsOf = groupBy(runs, ({ key }) => key);
  const alive = new Set([...replies, ...runs].map(({ key }) => key));

  function judge({ key, where, finals: wanted, maybe, again, kind }: Expected): void {
    const own = heard.get(key) ?? [];
    heard.delete(key);
    const say = (what: string): void =>
      void problems.push(`${key} of ${where}: ${what} [${transcript(own)}]`);
    const { firsts, copies } = withoutCopies(own.filter(isFinal));
    const starts = own.length - firsts.length - copies.length;

    for (const copy of copies) {
      total.copies += 1;
      const first = firsts.find(({ messageId }) => messageId === copy.messageId);
      if (first !== undefined && !isExplainedCopy(first, copy, faults))
        say('a final reply came again, and nothing explains it');
    }
    // Only equal ones have one before them.
    const last = firsts.at(-1);
    const isOneNotRun = firsts.length === wanted - 1 && (runsOf.get(key) ?? []).length < wanted;
    if (isOneNotRun && last !== undefined && isCutAfter(last, faults)) total.mistaken += 1;
    else if (firsts.length < wanted) {
      total.missing += wanted - firsts.length;
      say(`${wanted - firsts.length} final reply missing`);
    }
    const lives = Math.min(firsts.length, wanted + maybe);
    for (const [index, more] of firsts.entries()) {
      if (index < lives) continue;
      const before = firsts.slice(0, index);
      const isAgain =
        index - lives < again ||
        before.some((other) => answeredInsteadOf(other, more, faults) || isForgotten(other, more, faults));
      if (isAgain) total.again += 1;
      else {
        total.doubled += 1;
        say('a final reply too many');
      }
    }
    for (const { status, message } of firsts.slice(0, lives)) {
      total[status === 'completed' ? 'completed' : 'failed'] += 1;
      if (status !== kind.status || kind.message?.test(message) === false)
        say(`the outcome is wrong: ${status} ${message}`);
    }
    if (starts > wanted + maybe) say('"started" too often');
    if (kind.neededRuns(0) === 0 && starts > 0) say('"started" of a job that cannot have begun');
    if (kind.neededRuns(0) > 0 && starts < lives) total.neverStarted += lives - starts;
    // Where a step was answered twice, the next ones were sent too early: the requester knows no better.
    if (firsts.length < wanted || firsts.length > lives || isInOrder(own)) return;
    // Nobody can put the words of two hosts in order, but each has to keep its own.
    const hosts = [...groupBy(own, ({ host }) => host).values()];
    if (hosts.length > 1 && hosts.every((ofHost) => isInOrder(ofHost) || !ofHost.some(isFinal)))
      total.lateStarts += 1;
    else say('replies out of order');
  }

  for (const { key, queue, kind, isSure } of jobs) {
    // What shows a sign of life was sent.
    const finals = isSure || alive.has(key) ? 1 : 0;
    judge({
      key,
      where: `${queue} (${kind})`,
      finals,
      maybe: 1 - finals,
      again: secondLives(runsOf.get(key) ?? [], faults),
      kind: kindOf(kind),
    });
  }
  for (const release of releases) {
    const { key, queue, sureSteps, hasMaybeStep } = release;
    const more = extraSteps(release, runsOf.get(key) ?? [], faults);
    judge({
      key,
      where: queue,
      finals: sureSteps,
      maybe: hasMaybeStep ? 1 : 0,
      again: more.filter((cause) => cause !== undefined).length,
      kind: kindOf('done'),
    });
  }
  for (const [key] of heard) problems.push(`${key}: a reply to something that was never sent`);
  return { problems, ...total };
}

function withoutCopies(finals: readonly HeardReply[]): { firsts: HeardReply[]; copies: HeardReply[] } {
  const firsts: HeardReply[] = [];
  const copies: HeardReply[] = [];
  const known = new Set<string>();
  for (const reply of finals) {
    // One without an id can be told from nothing.
    (known.has(reply.messageId) && reply.messageId !== '' ? copies : firsts).push(reply);
    known.add(reply.messageId);
  }
  return { firsts, copies };
}

/** Whether a host may not have heard that its reply had come, or the message went to another host. */
function isExplainedCopy(first: HeardReply, copy: HeardReply, faults: Evidence['faults']): boolean {
  if (first.host !== copy.host) return answeredInsteadOf(first, copy, faults);
  const until = Math.min(first.atMs + SETTLING_MS, copy.atMs);
  return faultBetween(first.host, first.atMs - SETTLING_MS, until, faults) !== undefined;
}

/**
 * Whether the message went from one host to the other, which cannot know what became of it: one of the two was hit
 * around its own answer, or while it worked for it.
 */
function answeredInsteadOf(one: HeardReply, other: HeardReply, faults: Evidence['faults']): boolean {
  if (one.host === other.host) return false;
  return [one, other].some(
    ({ host, atMs }) => faultBetween(host, atMs - WORK_MS, atMs + SETTLING_MS, faults) !== undefined,
  );
}

/** Whether the broker was killed between one answer and the other, and so soon after the first that it forgot its ack. */
function isForgotten(one: HeardReply, other: HeardReply, faults: Evidence['faults']): boolean {
  return faults.some(
    ({ kind, fromMs }) =>
      kind === 'broker-kill' &&
      fromMs >= one.atMs - SETTLING_MS &&
      fromMs <= Math.min(one.atMs + SETTLING_MS, other.atMs),
  );
}

/** Whether a fault may have kept the acknowledgement of what was answered from being heard. A daemon that was killed knows of it. */
function isCutAfter({ host, atMs }: HeardReply, faults: Evidence['faults']): boolean {
  const others = faults.filter(({ kind }) => kind !== 'kill');
  return faultBetween(host, atMs, atMs + UNANSWERED_MS, others) !== undefined;
}

/** Each "started" is followed by a final reply, before the next one. Copies may come at any time. */
function isInOrder(replies: readonly HeardReply[]): boolean {
  const { firsts } = withoutCopies(replies.filter(isFinal));
  const order = replies.filter((reply) => !isFinal(reply) || firsts.includes(reply)).map(isFinal);
  return order.every((isEnd, index) => isEnd || order[index + 1] === true);
}

function isFinal({ status }: HeardReply): boolean {
  return status !== 'started';
}

function transcript(replies: readonly HeardReply[]): string {
  return replies
    .map(({ status, host, messageId, atMs }) => {
      const time = new Date(atMs).toISOString().slice(11, 23);
      return `${time} ${host ?? '?'} ${status} ${messageId.slice(0, 8)}`;
    })
    .join(', ');
}

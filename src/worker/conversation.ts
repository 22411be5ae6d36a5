import { setTimeout as wait } from 'node:timers/promises';
import type { Broker } from '../broker/broker.ts';
import type { Announcer } from '../job/events.ts';
import type { Job } from '../job/job.ts';
import type { FinalOutcome } from '../job/verdict.ts';
import type { Relay, SentReply } from '../journal/relay.ts';
import { notifications, type Phase } from '../protocol/notify.ts';
import { outputMessage } from '../protocol/output.ts';
import { finalReply, requesterOf, startedReply } from '../protocol/replies.ts';

/** How jobs are talked about: to the requester by reliable replies, to the exchange by messages that may be lost. */
export interface Speech {
  readonly relay: Relay;
  readonly publishLoosely: Broker['publishLoosely'];
  readonly events: Announcer;
  /** Topic exchange for lines of output and notifications; undefined: nobody listens. */
  readonly exchange: string | undefined;
  readonly replyAllowed: (replyTo: string) => boolean;
  /** Least time between "started" and the final reply: pika before 0.10 mixes up what comes at once. */
  readonly replyGapMs: number;
}

/** What is said to the world about one job. */
export interface Conversation {
  started(): void;
  /** Resolves when the broker has confirmed the reply, or nobody can receive it. */
  ended(outcome: FinalOutcome): Promise<void>;
  output(line: string): void;
}

export function converse(
  job: Job,
  { notify, output }: { notify: boolean; output: boolean },
  speech: Speech,
): Conversation {
  const { relay, publishLoosely, events, exchange, replyGapMs } = speech;
  const requester = requesterOf(job, speech.replyAllowed);
  const isForbidden = requester === undefined && job.replyTo !== undefined && job.replyTo !== '';
  let startedAt: number | undefined;
  let isDropLogged = false;

  function noteDrop(status: string, sent: SentReply): void {
    if (sent.kind === 'sent' || isDropLogged) return;
    isDropLogged = true;
    events.emit('reply:dropped', {
      runner: job.runner,
      replyTo: job.replyTo ?? '',
      status,
      reason: sent.reason,
    });
  }

  function sendNotifications(phase: Phase, detail?: string): void {
    if (!notify || exchange === undefined) return;
    for (const publication of notifications(exchange, job, phase, detail)) publishLoosely(publication);
  }

  return {
    started() {
      sendNotifications('started');
      if (requester === undefined) return;
      startedAt = performance.now();
      void relay.sendOnce(startedReply(requester)).then((sent) => noteDrop('started', sent));
    },

    async ended(outcome) {
      sendNotifications(outcome.kind, outcome.kind === 'failed' ? outcome.message : undefined);
      if (isForbidden) noteDrop(outcome.kind, { kind: 'dropped', reason: 'reply-to-allow does not name it' });
      if (requester === undefined) return;
      const gapLeftMs = startedAt === undefined ? 0 : replyGapMs - (performance.now() - startedAt);
      if (gapLeftMs > 0) await wait(gapLeftMs);
      noteDrop(outcome.kind, await relay.send(finalReply(requester, outcome)));
    },

    output(line) {
      if (output && exchange !== undefined) publishLoosely(outputMessage(exchange, job, line));
    },
  };
}

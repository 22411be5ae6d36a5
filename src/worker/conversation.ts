import { setTimeout as wait } from 'node:timers/promises';
import type { Broker, Delivery, Publication } from '../broker/broker.ts';
import type { Announcer, Told } from '../job/events.ts';
import type { Job } from '../job/job.ts';
import { failed } from '../job/outcome.ts';
import type { FinalOutcome } from '../job/verdict.ts';
import type { Relay, SentReply } from '../journal/relay.ts';
import { isFollowed } from '../protocol/history.ts';
import { notifications, type Phase } from '../protocol/notify.ts';
import { outputMessage } from '../protocol/output.ts';
import { progressMessage } from '../protocol/progress.ts';
import { finalReply, type Requester, requesterOf, startedReply, whyUnanswered } from '../protocol/replies.ts';

/** How jobs are talked about: to the requester by reliable replies, to the exchange by messages that may be lost. */
export interface Speech {
  readonly relay: Relay;
  readonly publishLoosely: Broker['publishLoosely'];
  readonly events: Announcer;
  /** Topic exchange for lines of output, progress and notifications; undefined: nobody listens. */
  readonly exchange: string | undefined;
  readonly replyAllowed: (replyTo: string) => boolean;
  /** Least time between "started" and the final reply: pika before 0.10 mixes up what comes at once. */
  readonly replyGapMs: number;
}

/** What is said to the world about one job. */
export interface Conversation {
  started(): void;
  /** What the requester was told so far of the end. */
  readonly told: Told;
  /** Tells those who are notified how the job ended. */
  ended(outcome: FinalOutcome): void;
  /** The final reply, as it may be written down; undefined when nobody is to hear it. */
  finalReply(outcome: FinalOutcome, messageId: string): Publication | undefined;
  /**
   * Sends the final reply. Resolves when the broker has confirmed it, or nobody can receive it ('over'); 'lost' when
   * `settling`, the delivery that is to be settled by it, is lost first.
   */
  answer(reply: Publication, status: string, settling: Delivery | undefined): Promise<'over' | 'lost'>;
  output(line: string): void;
  /** How far the job is, for a requester that follows it. */
  progress(percent: number, message?: string): void;
}

export function converse(
  job: Job,
  { notify, output }: { notify: boolean; output: boolean },
  speech: Speech,
): Conversation {
  const { relay, publishLoosely, events, exchange, replyGapMs } = speech;
  const requester = requesterOf(job, speech.replyAllowed);
  const whyNot = whyUnanswered(job, speech.replyAllowed);
  let startedAt: number | undefined;
  let saidReason: string | undefined;
  let told: Told = 'none';

  function noteDrop(status: string, sent: SentReply): void {
    if (!('reason' in sent)) return;
    const { reason } = sent;
    const isRepeated = reason === saidReason;
    saidReason = reason;
    events.emit('reply:dropped', {
      runner: job.runner,
      replyTo: job.replyTo ?? '',
      status,
      reason,
      isRepeated,
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

    get told() {
      return told;
    },

    ended(outcome) {
      sendNotifications(outcome.kind, outcome.kind === 'failed' ? outcome.message : undefined);
      if (whyNot === undefined) return;
      told = 'dropped';
      noteDrop(outcome.kind, { kind: 'dropped', reason: whyNot });
    },

    finalReply(outcome, messageId) {
      return requester === undefined ? undefined : withId(fitting(requester, outcome), messageId);
    },

    async answer(reply, status, settling) {
      const gapLeftMs = startedAt === undefined ? 0 : replyGapMs - (performance.now() - startedAt);
      if (gapLeftMs > 0) await wait(gapLeftMs);
      let sent = await relay.send(reply, settling);
      let said: Told = status === 'completed' ? 'completed' : 'failed';
      if (sent.kind === 'refused' && requester !== undefined) {
        said = 'failed';
        const instead = tooLarge(requester, sent.reason);
        sent = await relay.send(withId(instead, reply.properties.messageId), settling);
      }
      noteDrop(status, sent);
      if (sent.kind !== 'lost') told = 'reason' in sent ? 'dropped' : said;
      return sent.kind === 'lost' ? 'lost' : 'over';
    },

    output(line) {
      if (output && exchange !== undefined) publishLoosely(outputMessage(exchange, job, line));
    },

    progress(percent, message) {
      if (exchange !== undefined && isFollowed(job))
        publishLoosely(progressMessage(exchange, job, percent, message));
    },
  };
}

function withId(reply: Publication, messageId: string | undefined): Publication {
  return messageId === undefined ? reply : { ...reply, properties: { ...reply.properties, messageId } };
}

/** What RabbitMQ 4 takes at most unless it is told otherwise; a larger reply could never arrive. */
const LARGEST_REPLY = 16 * 1024 * 1024;

function fitting(requester: Requester, outcome: FinalOutcome): Publication {
  try {
    const reply = finalReply(requester, outcome);
    if (reply.body.length <= LARGEST_REPLY) return reply;
    return tooLarge(requester, `${reply.body.length} bytes`);
  } catch (error) {
    // No string can be as long as this one would be, or it is nested too deep to be written.
    return tooLarge(requester, String(error));
  }
}

function tooLarge(requester: Requester, reason: string): Publication {
  return finalReply(requester, failed(`the job ended, but its reply is too large to be sent (${reason})`));
}

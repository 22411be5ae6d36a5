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
export class Conversation {
  readonly #job: Job;
  readonly #wants: { readonly notify: boolean; readonly output: boolean };
  readonly #speech: Speech;
  readonly #requester: Requester | undefined;
  /** Resolves with the time by `performance.now()` when "started" was confirmed, or given up. */
  #startedAt: Promise<number> | undefined;
  #saidReason: string | undefined;
  #told: Told = 'none';

  /** `notify`, `output`: whether the exchange hears of the job's phases, and of what it prints. */
  constructor(job: Job, wants: { readonly notify: boolean; readonly output: boolean }, speech: Speech) {
    this.#job = job;
    this.#wants = wants;
    this.#speech = speech;
    this.#requester = requesterOf(job, speech.replyAllowed);
  }

  started(): void {
    this.#sendNotifications('started');
    if (this.#requester === undefined) return;
    this.#startedAt = this.#speech.relay.sendOnce(startedReply(this.#requester)).then((sent) => {
      this.#noteDrop('started', sent);
      return performance.now();
    });
  }

  /** What the requester was told so far of the end. */
  get told(): Told {
    return this.#told;
  }

  /** Tells those who are notified how the job ended. */
  ended(outcome: FinalOutcome): void {
    this.#sendNotifications(outcome.kind, outcome.kind === 'failed' ? outcome.message : undefined);
    const reason = whyUnanswered(this.#job, this.#speech.replyAllowed);
    if (reason === undefined) return;
    this.#told = 'dropped';
    this.#noteDrop(outcome.kind, { kind: 'dropped', reason });
  }

  /** The final reply, as it may be written down; undefined when nobody is to hear it. */
  finalReply(outcome: FinalOutcome, messageId: string): Publication | undefined {
    if (this.#requester === undefined) return undefined;
    return withId(fitting(this.#requester, outcome), messageId);
  }

  /**
   * Sends the final reply. Resolves when the broker has confirmed it, or nobody can receive it ('over'); 'lost' when
   * `settling`, the delivery that is to be settled by it, is lost first.
   */
  async answer(reply: Publication, status: string, settling: Delivery | undefined): Promise<'over' | 'lost'> {
    const { relay, replyGapMs } = this.#speech;
    if (replyGapMs > 0) await this.#gap(replyGapMs);
    let sent = await relay.send(reply, settling);
    let said: Told = status === 'completed' ? 'completed' : 'failed';
    if (sent.kind === 'refused' && this.#requester !== undefined) {
      said = 'failed';
      const instead = tooLarge(this.#requester, sent.reason);
      sent = await relay.send(withId(instead, reply.properties.messageId), settling);
    }
    this.#noteDrop(status, sent);
    if (sent.kind !== 'lost') this.#told = 'reason' in sent ? 'dropped' : said;
    return sent.kind === 'lost' ? 'lost' : 'over';
  }

  output(line: string): void {
    const { exchange, publishLoosely } = this.#speech;
    if (this.#wants.output && exchange !== undefined)
      publishLoosely(outputMessage(exchange, this.#job, line));
  }

  /** How far the job is, for a requester that follows it. */
  progress(percent: number, message?: string): void {
    const { exchange, publishLoosely } = this.#speech;
    if (exchange !== undefined && isFollowed(this.#job))
      publishLoosely(progressMessage(exchange, this.#job, percent, message));
  }

  /** Counted from the confirm, so that no outage brings both replies together. */
  async #gap(replyGapMs: number): Promise<void> {
    const startedAt = await this.#startedAt;
    if (startedAt === undefined) return;
    const leftMs = startedAt + replyGapMs - performance.now();
    // A timer may be early by a fraction of a millisecond.
    if (leftMs > 0) await wait(Math.ceil(leftMs) + 1);
  }

  #noteDrop(status: string, sent: SentReply): void {
    if (!('reason' in sent)) return;
    const { reason } = sent;
    const isRepeated = reason === this.#saidReason;
    this.#saidReason = reason;
    const { runner, replyTo = '' } = this.#job;
    this.#speech.events.emit('reply:dropped', { runner, replyTo, status, reason, isRepeated });
  }

  #sendNotifications(phase: Phase, detail?: string): void {
    const { exchange, publishLoosely } = this.#speech;
    if (!this.#wants.notify || exchange === undefined) return;
    for (const publication of notifications(exchange, this.#job, phase, detail)) publishLoosely(publication);
  }
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

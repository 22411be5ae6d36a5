import { EventEmitter, once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { withinLimit } from '../../src/broker/limit.ts';
import { hostOfRunner } from './project.ts';
import type { HostName } from './queues.ts';

/** A reply as it came. Times are milliseconds since 1970. */
export interface HeardReply {
  readonly key: string;
  readonly status: string;
  /** What a failed one says. */
  readonly message: string;
  readonly messageId: string;
  /** Who answered. */
  readonly host: HostName | undefined;
  readonly atMs: number;
}

/** A message to a queue. */
export interface Request {
  readonly queue: string;
  readonly body: string;
  readonly correlationId: string;
  readonly messageId?: string;
  readonly replyTo: string;
}

const CONNECT_LIMIT_MS = 5000;
const CONFIRM_LIMIT_MS = 15_000;
const RETRY_MS = 250;
const PREFETCH = 100;

/**
 * Somebody who sends jobs and hears what is said of them, straight at the broker, over its outages. A message goes on
 * its queue once: what was not confirmed is not sent again. A reply that the broker hands out again since our own
 * acknowledgement was lost counts once.
 */
export class Requester {
  readonly replies: HeardReply[] = [];
  readonly #finals = new Map<string, number>();
  /** Replies that were handed out to us twice. */
  handedOutAgain = 0;
  readonly #url: string;
  readonly #replyQueues: readonly string[];
  readonly #heard = new Set<string>();
  readonly #changes = new EventEmitter<{ open: []; reply: [] }>().setMaxListeners(0);
  readonly #closing = new AbortController();
  #model: ChannelModel | undefined;
  #channel: ConfirmChannel | undefined;
  #running: Promise<void> | undefined;

  constructor(url: string, replyQueues: readonly string[]) {
    this.#url = url;
    this.#replyQueues = replyQueues;
  }

  start(): void {
    this.#running ??= this.#supervise();
  }

  /** How many different final replies this key has got. */
  finalsOf(key: string): number {
    return this.#finals.get(key) ?? 0;
  }

  /** Resolves when a key has got so many different final replies; rejects when the signal aborts. */
  async heard(key: string, finals: number, signal: AbortSignal): Promise<void> {
    while (this.finalsOf(key) < finals) await once(this.#changes, 'reply', { signal });
  }

  /** Waits for a connection and sends. 'uncertain': the broker may have it or not. Rejects when the signal aborts first. */
  async send(request: Request, signal: AbortSignal): Promise<'confirmed' | 'uncertain'> {
    while (this.#channel === undefined) await once(this.#changes, 'open', { signal });
    const { queue, body, ...properties } = request;
    const answer = Promise.withResolvers<'confirmed' | 'uncertain'>();
    const channel = this.#channel;
    channel.once('close', () => answer.resolve('uncertain'));
    channel.sendToQueue(queue, Buffer.from(body), { ...properties, persistent: true }, (refusal) =>
      answer.resolve(refusal === null ? 'confirmed' : 'uncertain'),
    );
    return withinLimit(answer.promise, CONFIRM_LIMIT_MS, 'the confirm').catch(() => 'uncertain' as const);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = this.#model?.close();
    if (closed !== undefined) await withinLimit(closed, CONNECT_LIMIT_MS, 'closing').catch(() => {});
    await this.#running;
  }

  async #supervise(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const model = await connect(this.#url, { timeout: CONNECT_LIMIT_MS, noDelay: true });
        model.on('error', () => {});
        const gone = once(model, 'close');
        this.#model = model;
        // It was closed while this connection was on its way.
        if (this.#closing.signal.aborted) await model.close();
        await withinLimit(this.#open(model), CONNECT_LIMIT_MS, 'opening');
        await gone;
      } catch {
        // The broker is away or on its way down: that is what campaigns are for.
        void this.#model?.close().catch(() => {});
      }
      this.#channel = undefined;
      await wait(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }

  async #open(model: ChannelModel): Promise<void> {
    const channel = await model.createConfirmChannel();
    channel.setMaxListeners(0);
    channel.on('error', () => {});
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
      void model.close().catch(() => {});
    });
    await channel.prefetch(PREFETCH);
    for (const queue of this.#replyQueues) {
      await channel.consume(queue, (message) => {
        if (message === null) void model.close().catch(() => {});
        else this.#hear(message, channel);
      });
    }
    this.#channel = channel;
    this.#changes.emit('open');
  }

  #hear(message: ConsumeMessage, channel: ConfirmChannel): void {
    const reply = readReply(message);
    // One copy that came twice, or two copies: a copy is new to us when the broker never handed it out before.
    const isKnown = reply.messageId !== '' && this.#heard.has(reply.messageId);
    const isOurOwn = message.fields.redelivered && isKnown;
    if (isOurOwn) this.handedOutAgain += 1;
    else {
      if (reply.status !== 'started' && !isKnown) this.#finals.set(reply.key, this.finalsOf(reply.key) + 1);
      this.#heard.add(reply.messageId);
      this.replies.push(reply);
      this.#changes.emit('reply');
    }
    try {
      channel.ack(message);
    } catch {
      // Its channel is gone: it will come again.
    }
  }
}

function readReply({ content, properties }: ConsumeMessage): HeardReply {
  const { status, message } = JSON.parse(content.toString()) as Record<string, unknown>;
  return {
    key: String(properties.correlationId),
    status: String(status),
    message: typeof message === 'string' ? message : '',
    messageId: typeof properties.messageId === 'string' ? properties.messageId : '',
    host: hostOfRunner(String(properties.appId)),
    atMs: Date.now(),
  };
}

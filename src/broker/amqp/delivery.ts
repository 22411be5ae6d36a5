import type { ConsumeMessage } from 'amqplib';
import type { CopyOptions, Delivery, Message, RequeueOptions, Settlement } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { Settling } from '../settle-once.ts';
import type { SettlingSubscription } from './consumer-options.ts';
import { bareCopyOf, copyOf } from './copy.ts';
import { toMessage } from './message.ts';
import type { Mover } from './mover.ts';

/** A message that one subscription handed out. It can be settled on the channel of that subscription only. */
export class AmqpDelivery implements Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly message: Message;
  readonly redelivered: boolean;
  /** RabbitMQ counts lost connections alike, and only on quorum queues. */
  readonly crashes = 0;
  readonly #raw: ConsumeMessage;
  readonly #subscription: SettlingSubscription;
  readonly #mover: Mover;
  readonly #settling = new Settling();

  constructor(queue: string, raw: ConsumeMessage, subscription: SettlingSubscription, mover: Mover) {
    this.queue = queue;
    this.exchange = raw.fields.exchange;
    this.message = toMessage(raw);
    this.redelivered = raw.fields.redelivered;
    this.#raw = raw;
    this.#subscription = subscription;
    this.#mover = mover;
  }

  get isLost(): boolean {
    return this.#subscription.signal.aborted && !this.#settling.isSettled;
  }

  async blame(): Promise<void> {}

  isReachable(): Promise<boolean> {
    return this.#subscription.isReachable();
  }

  ack(): Promise<Settlement> {
    return this.#settling.settle(() => this.#subscription.ack(this.#raw));
  }

  requeue({ delayMs, ...options }: RequeueOptions): Promise<Settlement> {
    const { queue } = this;
    return this.#settling.settle(() =>
      this.#ackAfter(options, (copy, signal) => this.#mover.moveBack(copy, queue, delayMs, signal)),
    );
  }

  deadLetter(options: CopyOptions): Promise<Settlement> {
    const { queue } = this;
    return this.#settling.settle(() =>
      this.#ackAfter(options, (copy, signal) => this.#mover.moveToDeadLetters(copy, queue, signal)),
    );
  }

  /** Acknowledges when a copy has arrived. It is worth its trouble only as long as this delivery is ours. */
  async #ackAfter(
    { headers, onCopied }: CopyOptions,
    move: (copy: Message, signal: AbortSignal) => Promise<void>,
  ): Promise<Settlement> {
    const { signal } = this.#subscription;
    if (signal.aborted) return 'lost';
    try {
      await move(copyOf(this.message, headers), signal).catch((error: unknown) => {
        if (!(error instanceof BrokerError && error.kind === 'unencodable')) throw error;
        return move(bareCopyOf(this.message, headers), signal);
      });
    } catch (error) {
      if (signal.aborted) return 'lost';
      throw error;
    }
    await onCopied?.();
    // The copy is there: whatever becomes of this one, its work is done.
    return (await this.#subscription.ack(this.#raw)) === 'settled' ? 'settled' : 'moved';
  }
}

import type { EventEmitter } from 'node:events';

/*
 * The port between the daemon and whatever carries its messages.
 *
 * A delivery is one handing-out of a message. It is settled exactly once, by `ack`, `requeue` or
 * `deadLetter`; each of them says whether the broker is certain to have taken it ('settled') or whether
 * the delivery was lost first ('lost'), in which case the message will be handed out again.
 */

/** Properties of a message, in AMQP 0-9-1's words. Times are milliseconds since 1970. */
export interface MessageProperties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly persistent?: boolean;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly expiration?: string;
  readonly messageId?: string;
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
}

export interface Message {
  readonly body: Buffer;
  readonly properties: MessageProperties;
}

/** A message on its way to an exchange. `exchange: ''` with a queue's name as routing key reaches that queue alone. */
export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Partial<MessageProperties>;
}

/**
 * 'settled': the broker has it. 'lost': the delivery's channel went first, the message will come again.
 * 'moved': so it was, but the copy that takes its place is confirmed already; when the message comes again it only needs an ack.
 */
export type Settlement = 'settled' | 'lost' | 'moved';

export interface Delivery {
  readonly queue: string;
  /** By which exchange it came: '' for a message that was sent to this very queue. */
  readonly exchange: string;
  readonly message: Message;
  /** The broker handed this message out before and never heard what became of it. */
  readonly redelivered: boolean;
  /** How often a process is known to have died with the message in hand; 0 where the broker cannot tell. */
  readonly crashes: number;
  /**
   * Whether the death of this process counts against the message from now on; at first it does for one that has no
   * crashes yet. Resolves when that would survive it; a broker that does not count resolves at once.
   */
  blame(counts: boolean): Promise<void>;
  /** True once its channel is gone: the broker will hand the message out again, to whomever. */
  readonly isLost: boolean;

  /**
   * Whether the broker is heard where an acknowledgement would be written: false once the delivery is lost. One that is
   * written into a silence leaves open what the message's next delivery is. Costs a round trip where it was not heard lately.
   */
  isReachable(): Promise<boolean>;

  /** Takes the message off its queue. Resolves when a later answer of the broker proves that it was heard. */
  ack(): Promise<Settlement>;

  /**
   * Puts the message back as a new one, after `delayMs`, and takes this one off; the new one is confirmed first. Body, properties and persistence are kept. It goes to the tail.
   */
  requeue(options: RequeueOptions): Promise<Settlement>;

  /**
   * Moves the message to the dead-letter queue; body and properties stay as they are.
   * Rejects with BrokerError 'unroutable' when there is no such queue: the delivery is then still unsettled.
   */
  deadLetter(options: CopyOptions): Promise<Settlement>;
}

/** How a message goes where it goes. */
export interface CopyOptions {
  /** Added to those of the message; undefined: taken off. */
  readonly headers: Readonly<Record<string, unknown>>;
  /**
   * Awaited between the confirm of the copy and the acknowledgement of the original. A broker that makes one step of
   * both never calls it.
   */
  readonly onCopied?: () => Promise<void>;
}

export interface RequeueOptions extends CopyOptions {
  /** 0: at once. */
  readonly delayMs: number;
}

export interface ConsumeOptions {
  /** How many unsettled deliveries at most. */
  readonly prefetch: number;
  readonly onDelivery: (delivery: Delivery) => void;
}

/**
 * One subscription. It outlives connections and channels: whatever is lost is opened again with backoff.
 *
 * States: `opening` (until the broker has registered it; again after each loss) → `consuming`;
 * `pause` → `paused` (nothing new comes, what came can be settled), `resume` → `opening`;
 * `stop` → `stopped`, for good (nothing new comes, what came can be settled until the broker is closed).
 */
export interface Consumer {
  readonly queue: string;
  readonly state: 'opening' | 'consuming' | 'paused' | 'stopped';
  pause(): Promise<void>;
  /** Starts again as at the beginning; with `more`, at most so many deliveries beside those that are unsettled now. */
  resume(more?: number): void;
  /**
   * Has another prefetch from now on, also if it was resumed with `more`, and goes by what is known of its queue now. What
   * came, and what is on its way, stays where it is, in its order. While it is paused, that is for the next `resume`.
   */
  renew(prefetch: number): void;
  stop(): Promise<void>;
  /** Resolves when all that the broker had handed out to it by the time of the call has been delivered, or is lost. */
  caughtUp(): Promise<void>;
}

/** What to know of a queue that is declared if it is missing. A broker looks it up whenever it needs it, so it may change. */
export interface QueueOptions {
  /** Routing keys on the broker's topic exchange that lead to this queue. */
  readonly bind: readonly string[];
  /** `classic`, `quorum` …; the broker's own default when absent. */
  readonly queueType?: string;
  /** Name of the queue that takes what can't be worked. */
  readonly deadLetter: string;
  /**
   * How long its deliveries may stay unacknowledged, milliseconds, where the broker limits that and can be asked for more;
   * the broker's own limit when absent.
   */
  readonly ackTimeoutMs?: number;
  /** Made for one consumer: deleted when that one stops, or some time after its process has died. */
  readonly temporary?: boolean;
}

/** Facts that a broker announces about itself. */
export interface BrokerEvents {
  /** There is to be a connection from now on; announced once, before the first attempt. */
  'connection:wanted': [{ purpose: string }];
  'connection:open': [{ purpose: string; url: string }];
  'connection:lost': [{ purpose: string; reason: string; retryInMs: number }];
  /** The broker has an alarm, or this user may not publish. */
  'connection:blocked': [{ purpose: string; reason: string }];
  'connection:unblocked': [{ purpose: string }];
  'consumer:open': [{ queue: string }];
  'consumer:lost': [{ queue: string; reason: string; retryInMs: number }];
  /** A temporary queue may not be bound to the exchange: it is reached by its name alone. Each time that it is prepared. */
  'binding:refused': [{ queue: string; reason: string }];
  /** A copy of a message that was sent to this queue is not confirmed after `afterMs`; a wait queue is stood in for from now on. */
  'queue:stuck': [{ queue: string; afterMs: number }];
  /** `onDelivery` threw, which it must not: the delivery stays unsettled. */
  'delivery:unhandled': [{ queue: string; error: unknown }];
  /** What is given to `publishLoosely` is dropped from now on; announced once per outage. */
  'output:lost': [{ reason: string; retryInMs: number }];
}

export interface Broker {
  readonly events: EventEmitter<BrokerEvents>;

  /** Begins to connect and returns at once: a broker that is away is not an error. */
  start(): void;

  /**
   * Sees to it that a queue is there, as consuming it would. False: it is missing, and may not be made.
   * Waits for the broker; rejects when `signal` aborts or the broker is closed.
   */
  prepare(queue: string, signal?: AbortSignal): Promise<boolean>;

  /**
   * How many messages wait on a queue, apart from those that are delivered or delayed; undefined: there is no such queue.
   * Waits and rejects as `prepare` does.
   */
  count(queue: string, signal?: AbortSignal): Promise<number | undefined>;

  /** How many consumers a queue has, this broker's own included; undefined: there is no such queue. As `count` otherwise. */
  countConsumers(queue: string, signal?: AbortSignal): Promise<number | undefined>;

  /** Subscribes to a queue. Deliveries come as long as the consumer is not paused or stopped. */
  consume(queue: string, options: ConsumeOptions): Consumer;

  /** Resolves when a publication can be written. Rejects when `signal` aborts or the broker is closed. */
  writable(signal?: AbortSignal): Promise<void>;

  /**
   * Writes a publication now, before it returns, in the order of the calls; resolves when the broker has confirmed it.
   * 'unroutable': no queue took it. Rejects with BrokerError.
   *
   * `settling` is the delivery whose job this is the last word on. A broker that can makes one step of both: the
   * publication then appears when that delivery is settled, and not at all when the broker is closed first.
   */
  publish(publication: Publication, settling?: Delivery): Promise<'routed' | 'unroutable'>;

  /**
   * Publishes something that may be lost (a line of output), apart from replies: a missing exchange disturbs no one.
   * False when it was dropped at once: the broker is away or too far behind.
   */
  publishLoosely(publication: Publication): boolean;

  /** Ends consumers, channels and connections; what is still unsettled goes back. Never takes longer than `limitMs`. */
  close(limitMs: number): Promise<void>;
}

/** A broker whose messages can be looked for where they lie. */
export interface SearchableBroker extends Broker {
  /**
   * Whether a message of a queue has this text in a header: ready, delayed or in anybody's hands. It goes through all
   * of them, so it is for rare questions. Waits as `prepare` does; rejects with BrokerError when the broker is closed.
   */
  holds(queue: string, header: string, text: string): Promise<boolean>;
}

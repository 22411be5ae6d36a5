import { type Broker, BrokerError, type Delivery, type Message } from '../broker/broker.ts';
import { type DeadLetter, isNamed, propertiesForRetry, readDeadLetter } from './dead-letter.ts';
import { prepareQueue } from './put-on-queue.ts';
import { walkQueue } from './walk-queue.ts';

/*
 * Dead-letter queues as a person works with them: look at what is there, give some of it another chance, drop
 * the rest. On the broker port alone, so it is the same on every broker.
 */

/** Which dead letters are meant: all of them, or those of these ids (their own, or their jobs'). */
export type Wanted = 'all' | readonly string[];

/** One dead-letter queue, of which `count` messages have been seen waiting. */
export interface DeadLetterQueue {
  readonly broker: Broker;
  readonly queue: string;
  readonly count: number;
  /** Ends what is going on; what is under way is waited for. */
  readonly signal: AbortSignal;
}

/** What became of one dead letter that was to be retried or dropped. */
export type Treatment =
  /** It is off the dead-letter queue; `to` is the queue that a retried one is on now. */
  | { readonly kind: 'done'; readonly letter: DeadLetter; readonly to?: string }
  /** It stays where it is. */
  | { readonly kind: 'left'; readonly letter: DeadLetter; readonly reason: string };

/** As many as are held when most of them are to stay: bodies that nobody asked for are not kept. */
const MOST_HELD = 2_000;
/** What AMQP can ask for. */
const LARGEST_PREFETCH = 65_535;
/** As many as are worked at a time, each with its body of up to 16 MiB. */
const MOST_AT_ONCE = 10;

/** Tells of the first `limit` dead letters, or of the `wanted` ones among all; nothing is taken off. */
export async function readDeadLetters(
  { broker, queue, count, signal }: DeadLetterQueue,
  wanted: Wanted,
  limit: number,
  onLetter: (letter: DeadLetter, message: Message) => void,
): Promise<void> {
  const most = wanted === 'all' ? Math.min(count, limit) : count;
  await walkQueue(broker, queue, {
    count: most,
    prefetch: wanted === 'all' ? Math.min(most, LARGEST_PREFETCH) : MOST_HELD,
    signal,
    look({ message }) {
      const letter = readDeadLetter(message);
      if (isWanted(letter, wanted)) onLetter(letter, message);
      return undefined;
    },
  });
}

/**
 * Puts dead letters back on the queue that `queueOf` names for each (undefined: nobody knows), as they were before
 * they died; each is taken off when the broker has confirmed that it is there. What it was then counts from the start.
 */
export async function retryDeadLetters(
  from: DeadLetterQueue,
  wanted: Wanted,
  queueOf: (letter: DeadLetter) => string | undefined,
  onTreated: (treatment: Treatment) => void,
): Promise<void> {
  const { broker, signal } = from;
  const prepared = new Map<string, Promise<boolean>>();
  await treat(from, wanted, onTreated, async (letter, delivery) => {
    const to = queueOf(letter);
    if (to === undefined) return { kind: 'left', letter, reason: 'nobody knows which queue it died on' };
    if (!prepared.has(to)) prepared.set(to, prepareQueue(broker, to, signal));
    await prepared.get(to);
    const { body, properties } = delivery.message;
    const publication = { exchange: '', routingKey: to, body, properties: propertiesForRetry(properties) };
    await broker.writable(signal);
    const published = await broker.publish(publication, delivery);
    if (published === 'unroutable') return { kind: 'left', letter, reason: `there is no queue ${to}` };
    const settlement = await delivery.ack();
    return settlement === 'settled'
      ? { kind: 'done', letter, to }
      : { kind: 'left', letter, reason: `the connection went: look whether it is on ${to} as well` };
  });
}

/** Takes dead letters off for good. */
export async function dropDeadLetters(
  from: DeadLetterQueue,
  wanted: Wanted,
  onTreated: (treatment: Treatment) => void,
): Promise<void> {
  await treat(from, wanted, onTreated, async (letter, delivery) =>
    (await delivery.ack()) === 'settled'
      ? { kind: 'done', letter }
      : { kind: 'left', letter, reason: 'the connection went' },
  );
}

/** Why the broker could not be used, if that is what an error says. */
export function whyUnusable(error: unknown): string | undefined {
  return error instanceof BrokerError ? error.message : undefined;
}

async function treat(
  { broker, queue, count, signal }: DeadLetterQueue,
  wanted: Wanted,
  onTreated: (treatment: Treatment) => void,
  work: (letter: DeadLetter, delivery: Delivery) => Promise<Treatment>,
): Promise<void> {
  await walkQueue(broker, queue, {
    count,
    prefetch: wanted === 'all' ? MOST_AT_ONCE : MOST_HELD,
    signal,
    look(delivery) {
      const letter = readDeadLetter(delivery.message);
      if (!isWanted(letter, wanted)) return undefined;
      return workSafely(letter, delivery);
    },
  });

  async function workSafely(letter: DeadLetter, delivery: Delivery): Promise<'settled' | 'left'> {
    const treatment = await work(letter, delivery).catch((error: unknown): Treatment => {
      if (signal.aborted) return { kind: 'left', letter, reason: 'stopped' };
      if (error instanceof BrokerError) return { kind: 'left', letter, reason: reasonOf(error) };
      throw error;
    });
    onTreated(treatment);
    return treatment.kind === 'done' ? 'settled' : 'left';
  }
}

function isWanted(letter: DeadLetter, wanted: Wanted): boolean {
  return wanted === 'all' || wanted.some((id) => isNamed(letter, id));
}

function reasonOf({ kind, message }: BrokerError): string {
  return kind === 'uncertain' ? `${message}: it may be back on its queue as well` : message;
}

import type { Broker, Delivery, Message } from '../broker/broker.ts';
import { BrokerError } from '../broker/broker-error.ts';
import { type DeadLetter, deathHeaders, isNamed, propertiesForRetry, readDeadLetter } from './dead-letter.ts';
import { prepareQueue } from './put-on-queue.ts';
import { type WalkOptions, walkQueue } from './walk-queue.ts';

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
  /** Whether a letter is meant at all; asked once for each that is wanted otherwise. Absent: every one is. */
  readonly concerns?: (letter: DeadLetter) => boolean;
  /** Many may be none that are meant, even where all are wanted. */
  readonly isShared?: boolean;
}

/** The queue that a dead letter goes back to, or why it goes to none. */
export type Home = { readonly queue: string } | { readonly reason: string };

/** Hears of a dead letter, and of the message that it is. */
export type OnLetter = (letter: DeadLetter, message: Message) => void;

/** What became of one dead letter that was to be retried or dropped. */
export type Treatment =
  /** It is off the dead-letter queue; `to` is the queue that a retried one is on now. */
  | { readonly kind: 'done'; readonly letter: DeadLetter; readonly to?: string }
  /** It stays where it is. */
  | { readonly kind: 'left'; readonly letter: DeadLetter; readonly reason: string };

/** As many as are held when most of them are to stay: bodies that nobody asked for are not kept. */
const MOST_HELD = 2_000;
/** As many can be held at all, which is what AMQP can ask for: to look at more of them, some would have to move. */
export const MOST_IN_PLACE = 65_535;
/** As many as are worked at a time, each with its body of up to 16 MiB. */
const MOST_AT_ONCE = 10;

/**
 * Tells of the first `limit` dead letters, in order, or of the `wanted` ones among all; nothing is taken off. Where all
 * are wanted, no more than the first `MOST_IN_PLACE` of the queue are looked at. True: there may be more.
 */
export async function readDeadLetters(
  from: DeadLetterQueue,
  wanted: Wanted,
  limit: number,
  onLetter: OnLetter,
): Promise<boolean> {
  const { count } = from;
  let met = 0;
  if (wanted !== 'all') {
    await read(count, MOST_HELD);
    return false;
  }
  const most = Math.min(count, MOST_IN_PLACE);
  let looked = 0;
  // What has been looked at is held meanwhile, so each step meets the next ones.
  for (let step = limit; looked < most && met < limit; step *= 2) {
    const next = Math.min(step, most - looked);
    const seen = await read(next, next);
    looked += seen;
    if (seen < next) break;
  }
  return met > limit || looked < count;

  function read(next: number, prefetch: number): Promise<number> {
    return walk(from, next, prefetch, ({ message }) => {
      const letter = readDeadLetter(message);
      if (!isMeant(from, letter, wanted)) return undefined;
      met += 1;
      if (wanted !== 'all' || met <= limit) onLetter(letter, message);
      return undefined;
    });
  }
}

/**
 * Puts dead letters back on the queue that `homeOf` names for each, as they were before they died; each is taken off when the broker has confirmed that it is there. What it was then counts from the start.
 */
export async function retryDeadLetters(
  from: DeadLetterQueue,
  wanted: Wanted,
  homeOf: (letter: DeadLetter) => Home,
  onTreated: (treatment: Treatment) => void,
): Promise<void> {
  const { broker, signal } = from;
  const prepared = new Map<string, Promise<boolean>>();
  await treat(from, wanted, onTreated, async (letter, delivery) => {
    const home = homeOf(letter);
    if ('reason' in home) return { kind: 'left', letter, reason: home.reason };
    const to = home.queue;
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
  from: DeadLetterQueue,
  wanted: Wanted,
  onTreated: (treatment: Treatment) => void,
  work: (letter: DeadLetter, delivery: Delivery) => Promise<Treatment>,
): Promise<void> {
  const { count, signal, isShared } = from;
  const prefetch = wanted === 'all' && isShared !== true ? MOST_AT_ONCE : MOST_HELD;
  await walk(from, count, prefetch, (delivery) => {
    const letter = readDeadLetter(delivery.message);
    return isMeant(from, letter, wanted) ? workSafely(letter, delivery) : undefined;
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

function walk(
  { broker, queue, signal }: DeadLetterQueue,
  count: number,
  prefetch: number,
  look: WalkOptions['look'],
): Promise<number> {
  return walkQueue(broker, queue, { count, prefetch, look, copyHeaders: deathHeaders, signal });
}

function isMeant({ concerns }: DeadLetterQueue, letter: DeadLetter, wanted: Wanted): boolean {
  if (wanted !== 'all' && !wanted.some((id) => isNamed(letter, id))) return false;
  return concerns === undefined || concerns(letter);
}

function reasonOf({ kind, message }: BrokerError): string {
  return kind === 'uncertain' ? `${message}: it may be back on its queue as well` : message;
}

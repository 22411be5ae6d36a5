import type { Broker, BrokerEvents, ConsumeOptions, Consumer, Delivery } from '../broker/broker.ts';
import type { Intake } from './intake.ts';
import { StoredDelivery } from './stored-job.ts';

/*
 *   remote queue ── intake: one at a time, as long as there is room ──→ local queue ── stored ──→ onDelivery
 *
 * Room: what waits here and is not delayed, and what is in hand, are fewer than the prefetch. The intake is paused
 * before the message that fills it is acknowledged, so that the broker hands out no more: it would lie here
 * unacknowledged, and be taken from us by the acknowledgement timeout, while another host has nothing to do.
 */

/** Another daemon on the same file may make room without a word. */
const LOOK_EVERY_MS = 1_000;
/** What was lost to us comes again as soon as the queue is consumed again, or goes to another host. */
const COMES_AGAIN_MS = 30_000;

export interface ReceiptConsumerOptions extends ConsumeOptions {
  readonly queue: string;
  readonly remote: Broker;
  readonly local: Broker;
  readonly intake: Intake;
  /** Knows the delivery of the local broker by the one that is handed out. */
  readonly deliveries: WeakMap<Delivery, Delivery>;
  /** It consumes, for the first time or again after something was lost. */
  readonly onOpen: () => void;
  /** What was lost to it before `openedAtMs` (as Date.now) and has not come again by now has gone elsewhere. */
  readonly onSteady: (openedAtMs: number) => void;
  /** It has stopped, and no message is between the broker and the disk. */
  readonly onGone: () => void;
}

/** Both consumers as one, and what closing the broker has to wait for. */
export interface ReceiptConsumer extends Consumer {
  /** Resolves when no message is between the broker and the disk. */
  quiet(): Promise<void>;
}

export function createReceiptConsumer(options: ReceiptConsumerOptions): ReceiptConsumer {
  const { queue, prefetch, remote, local, intake, deliveries } = options;
  /** Unless it is resumed with `more`. */
  let usual = prefetch;
  /** What is in hand, each with how often it had been resumed by then. */
  const inHand = new Map<Delivery, number>();
  let wish: 'working' | 'paused' | 'stopped' = 'working';
  let resumed = 0;
  /** How many there may be: of all, or of those that came since it was resumed last. */
  let limit: { readonly of: 'all' | 'fresh'; readonly most: number } = { of: 'all', most: prefetch };
  let source: Consumer | undefined;
  let isFull = false;
  /** It was opened and may hand out something before it is paused: jobs that soon come again would keep out the rest. */
  let isUnheard = false;
  let isLocalThere = true;
  let isAnnounced = false;
  let openedAtMs = 0;
  /** Messages between the broker and the disk. */
  let taking = 0;
  let takes: Promise<void> = Promise.resolve();
  let adjusting: Promise<void> | undefined;
  let isOutdated = false;

  const stored = local.consume(queue, {
    prefetch,
    onDelivery(delivery) {
      const ours = new StoredDelivery(delivery, () => {
        inHand.delete(ours);
        adjust();
      });
      deliveries.set(ours, delivery);
      inHand.set(ours, resumed);
      options.onDelivery(ours);
      adjust();
    },
  });
  const looking = setInterval(() => {
    if (isFull) adjust();
  }, LOOK_EVERY_MS).unref();

  const listening = new AbortController();
  listen(remote, 'consumer:open', (opened) => {
    if (opened.queue === queue) (isFull ? adjust : announce)();
  });
  listen(remote, 'consumer:lost', (lost) => {
    if (lost.queue === queue) isAnnounced = false;
  });
  listen(local, 'consumer:open', (opened) => void (opened.queue === queue && adjust()));
  listen(local, 'connection:open', () => {
    isLocalThere = true;
    adjust();
  });
  listen(local, 'connection:lost', () => {
    isLocalThere = false;
    isAnnounced = false;
    adjust();
  });

  /** For as long as it is not stopped. */
  function listen<Name extends keyof BrokerEvents>(
    { events }: Broker,
    name: Name,
    listener: (...fact: BrokerEvents[Name]) => void,
  ): void {
    events.on(name, listener as never);
    listening.signal.addEventListener('abort', () => events.off(name, listener as never));
  }

  function state(): Consumer['state'] {
    if (wish !== 'working') return wish;
    const isTaking = isFull || source?.state === 'consuming';
    return isTaking && stored.state === 'consuming' ? 'consuming' : 'opening';
  }

  function announce(): void {
    if (isAnnounced || state() !== 'consuming') return;
    isAnnounced = true;
    openedAtMs = Date.now();
    options.onOpen();
    watchUntilSteady(openedAtMs);
  }

  function watchUntilSteady(sinceMs: number): void {
    setTimeout(() => {
      if (!isAnnounced || openedAtMs !== sinceMs) return;
      // As long as the intake is paused nothing can come.
      if (source?.state !== 'consuming' || taking > 0) watchUntilSteady(sinceMs);
      else options.onSteady(sinceMs);
    }, COMES_AGAIN_MS).unref();
  }

  /** How many more there may be, apart from those that are on their way to the disk. Negative: there are too many. */
  async function room(): Promise<number> {
    if (stored.state !== 'consuming' || !isLocalThere) return 0;
    const ready = (await local.count(queue)) ?? 0;
    const counted = [...inHand].filter(
      ([{ isLost }, since]) => !isLost && (limit.of === 'all' || since === resumed),
    );
    return limit.most - counted.length - ready;
  }

  /** Opens and pauses the intake as there is room. */
  function adjust(): void {
    isOutdated = true;
    adjusting ??= adjustNow().finally(() => {
      adjusting = undefined;
      if (isOutdated) adjust();
    });
  }

  async function adjustNow(): Promise<void> {
    while (isOutdated) {
      isOutdated = false;
      // What is on its way decides itself; after it there is another look.
      if (wish !== 'working' || taking > 0) return;
      const hasRoom = (await room().catch(() => 0)) > 0;
      if (isBusy()) return;
      isFull = !hasRoom && stored.state === 'consuming';
      if (hasRoom) openSource();
      else void closeSource();
      announce();
    }
  }

  // It may have changed while there was waiting, which the compiler does not see.
  function isBusy(): boolean {
    return wish !== 'working' || taking > 0;
  }

  function openSource(): void {
    isUnheard ||= source === undefined || source.state === 'paused';
    if (source === undefined) source = remote.consume(queue, { prefetch: 1, onDelivery: take });
    else source.resume();
  }

  async function closeSource(): Promise<void> {
    if (source === undefined || source.state === 'paused') return;
    if (!isFull || !isUnheard) return source.pause();
    if (source.state !== 'consuming') return; // There is another look when it is.
    await source.caughtUp();
    isUnheard = false;
    adjust();
  }

  function take(delivery: Delivery): void {
    taking += 1;
    isUnheard = false;
    takes = takeAfter(takes, delivery);
  }

  async function takeAfter(others: Promise<void>, delivery: Delivery): Promise<void> {
    await others;
    const isLast = (await room().catch(() => 0)) <= taking;
    isFull = isLast;
    const mayAcknowledge = isLast ? source?.pause() : undefined;
    await intake(delivery, mayAcknowledge ?? Promise.resolve());
    taking -= 1;
    adjust();
  }

  return {
    queue,
    get state() {
      return state();
    },
    async pause() {
      if (wish === 'stopped') return;
      wish = 'paused';
      isAnnounced = false;
      await Promise.all([source?.pause(), stored.pause()]);
    },
    resume(more) {
      if (wish !== 'paused') return;
      wish = 'working';
      limit = more === undefined ? { of: 'all', most: usual } : { of: 'fresh', most: more };
      resumed += 1;
      stored.resume(more);
    },
    renew(most) {
      usual = most;
      if (wish === 'working') limit = { of: 'all', most };
      stored.renew(most);
      source?.renew(1);
      adjust();
    },
    async stop() {
      wish = 'stopped';
      isAnnounced = false;
      listening.abort();
      clearInterval(looking);
      await Promise.all([source?.stop(), stored.stop()]);
      void takes.then(options.onGone);
    },
    async caughtUp() {
      await source?.caughtUp();
      await takes;
      await stored.caughtUp();
    },
    quiet: () => takes,
  };
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Consumer } from '../broker.ts';
import { settledWithin } from '../limit.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { declareQueue } from './declare-queue.ts';
import { EmbeddedDelivery, type Keeper } from './delivery.ts';
import type { StoredMessage } from './message-table.ts';
import { Room } from './room.ts';
import type { Changes, Tables } from './tables.ts';

/*
 *   opening ─the queue is there→ consuming ─pause→ paused ─resume→ opening
 *   any ─stop→ stopped, for good
 *
 * While it is consuming and has room, it claims messages whenever there may be some that are ready: at the
 * beginning, when it is awakened, and when a delivery is settled, in the very transaction that settles it.
 */

export interface EmbeddedConsumer extends Consumer {
  /** Finds its queue in a file that has taken the place of the last one, or makes it there. */
  moveInto(tables: Tables): void;
  /** There may be something ready in these queues. */
  awaken(queues: ReadonlySet<number>): void;
  /** Somebody else may have published. */
  lookAround(): void;
}

/** How long deleting a temporary queue may keep `stop` waiting. */
const STOP_LIMIT_MS = 2_000;

export function createConsumer(options: ConsumerOptions): EmbeddedConsumer {
  const { queue, facts, committer, events, owner, inHand } = options;
  const isTemporary = facts()?.temporary === true;
  const room = new Room(options.prefetch);
  let state: Consumer['state'] = 'opening';
  let id: number | undefined;
  /** The file is another one. */
  let isMoved = false;
  let mayBeReady = false;
  let isClaiming = false;
  /** Somebody waits for the end of the claim. */
  let claimOver: PromiseWithResolvers<void> | undefined;

  const keeper: Keeper = {
    queue,
    committer,
    inHand,
    get owner() {
      return owner();
    },
    get deadLetter() {
      return facts()?.deadLetter ?? `${queue}.dead`;
    },
    declare,
    countOut: (place) => room.leave(place),
    settle(work, bytes) {
      const settled = committer.commit({ mustLast: true, bytes, work });
      ignoreClosing(claim());
      return settled;
    },
  };

  async function open(): Promise<void> {
    state = 'opening';
    await committer.commit({ mustLast: true, work: register });
    if (!isState('opening')) return;
    state = 'consuming';
    events.emit('consumer:open', { queue });
    mayBeReady = true;
    await claim();
  }

  // Whoever is called meanwhile may have changed it, which the compiler does not see.
  function isState(one: Consumer['state']): boolean {
    return state === one;
  }

  function declare({ queues }: Tables): number {
    id = declareQueue(queues, queue, facts(), owner());
    return id;
  }

  function register(tables: Tables): void {
    const at = declare(tables);
    if (state === 'opening') tables.queues.addConsumer(at, owner());
  }

  function roomNow(): number {
    return state === 'consuming' ? room.left : 0;
  }

  function wantsMore(): boolean {
    return mayBeReady && roomNow() > 0;
  }

  async function claim(): Promise<void> {
    if (isClaiming) return;
    isClaiming = true;
    try {
      while (wantsMore()) {
        const claimed = await committer.commit({ mustLast: false, work: claimNow });
        // Once one went back all that follow it do: resumed meanwhile, it would hand out these before that one.
        let isBroken = false;
        for (const message of claimed) {
          isBroken ||= !take(message);
          if (isBroken) {
            giveBack(message);
            continue;
          }
          // Reading large bodies takes long, all of them at once would be too long for everybody else.
          if (message.large !== null) await nextTurn();
        }
      }
    } finally {
      isClaiming = false;
      claimOver?.resolve();
      claimOver = undefined;
    }
  }

  function claimNow({ messages }: Tables): StoredMessage[] {
    const most = roomNow();
    if (id === undefined || most <= 0) return [];
    const claimed = messages.claim(id, owner(), most);
    mayBeReady = claimed.length === most;
    return claimed;
  }

  /** False: it cannot be handed out now. */
  function take(message: StoredMessage): boolean {
    const body = roomNow() > 0 ? bodyOf(message) : undefined;
    if (body === undefined) return false;
    const place = room.take();
    // What is handed out again was taken from us.
    inHand.get(message.id)?.lose();
    try {
      const delivery = new EmbeddedDelivery(message, body, place, keeper);
      inHand.set(message.id, delivery);
      options.onDelivery(delivery);
    } catch (error) {
      // Left unsettled: it comes again when this broker is closed, and until then keeps the fault from looping.
      events.emit('delivery:unhandled', { queue, error });
    }
    return true;
  }

  /** Read apart from the transaction that claimed the message, so that nobody waits for the lock meanwhile. */
  function bodyOf({ body, large }: StoredMessage): Uint8Array | undefined {
    return large === null ? body : committer.read(({ messages }) => messages.largeBody(large));
  }

  /** Nobody has seen it, so it goes back as it was. */
  function giveBack(message: StoredMessage): void {
    mayBeReady = true;
    const work = ({ messages }: Tables, { ready }: Changes): void => {
      messages.release(message.id, owner());
      ready.add(message.queue);
    };
    ignoreClosing(committer.commit({ mustLast: false, work }));
  }

  function halt(next: 'paused' | 'stopped'): Promise<void> {
    state = next;
    const leave = ({ messages, queues }: Tables): void => {
      if (id === undefined || state === 'opening') return;
      queues.removeConsumer(id, owner());
      if (!isTemporary || next === 'paused') return;
      messages.clear(id);
      queues.remove(id);
    };
    return committer.commit({ mustLast: false, work: leave });
  }

  ignoreClosing(open());
  return {
    queue,
    get state() {
      return state === 'consuming' && !committer.isOpen ? 'opening' : state;
    },
    async pause() {
      if (state !== 'stopped') ignoreClosing(halt('paused'));
    },
    resume(more) {
      if (state !== 'paused') return;
      room.resume(more);
      ignoreClosing(open());
    },
    renew(prefetch) {
      room.renew(prefetch, state === 'paused');
      if (state === 'paused' || state === 'stopped') return;
      mayBeReady = true;
      ignoreClosing(committer.commit({ mustLast: true, work: declare }).then(claim));
    },
    async stop() {
      if (state === 'stopped') return;
      const left = halt('stopped');
      options.onStopped();
      ignoreClosing(left);
      if (isTemporary) await settledWithin(left, STOP_LIMIT_MS);
    },
    async caughtUp() {
      if (!isClaiming) return;
      claimOver ??= Promise.withResolvers();
      await claimOver.promise;
    },
    moveInto(tables) {
      declare(tables);
      isMoved = true;
    },
    awaken(queues) {
      if (id === undefined || !queues.has(id)) return;
      mayBeReady = true;
      ignoreClosing(claim());
    },
    lookAround() {
      const at = id;
      if (at === undefined || state !== 'consuming') return;
      // Somebody may have taken this broker for gone.
      const isThere = committer.read(({ queues }) => queues.isConsumer(at, owner()));
      if (isMoved || isThere === false) ignoreClosing(open());
      isMoved = false;
      // A look costs nothing; a claim for nothing would keep others from writing.
      if (committer.read(({ messages }) => messages.hasReady(at)) !== true) return;
      mayBeReady = true;
      ignoreClosing(claim());
    },
  };
}

/** A commit rejects when the broker is closed first, and then there is nothing left to do. */
function ignoreClosing(work: Promise<unknown>): void {
  work.catch(() => {});
}

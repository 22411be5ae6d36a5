import type { EventEmitter } from 'node:events';
import type { BrokerEvents, ConsumeOptions, Consumer, QueueOptions, Settlement } from '../broker.ts';
import { settledWithin } from '../limit.ts';
import type { Committer } from './committer.ts';
import { declareQueue } from './declare-queue.ts';
import { createDelivery, type EmbeddedDelivery, type Settler } from './delivery.ts';
import type { StoredMessage } from './message-table.ts';
import type { Changes, Tables } from './tables.ts';

/*
 *   opening ─the queue is there→ consuming ─pause→ paused ─resume→ opening
 *   any ─stop→ stopped, for good
 *
 * While it is consuming and has room, it claims messages whenever there may be some that are ready: at the
 * beginning, when it is awakened, and when a delivery is settled, in the very transaction that settles it.
 */

export interface ConsumerOptions extends Omit<ConsumeOptions, 'onDelivery'> {
  readonly queue: string;
  /** Undefined: it is taken as it is, or made with nothing leading to it. */
  readonly facts: QueueOptions | undefined;
  readonly committer: Committer;
  readonly events: EventEmitter<BrokerEvents>;
  /** Name of the owner; messages in hand are its. */
  readonly owner: () => string;
  readonly onDelivery: (delivery: EmbeddedDelivery) => void;
}

export interface EmbeddedConsumer extends Consumer {
  /** There may be something ready in these queues. */
  awaken(queues: ReadonlySet<number>): void;
  /** Somebody else may have published. */
  lookAround(): void;
}

/** How long deleting a temporary queue may keep `stop` waiting. */
const STOP_LIMIT_MS = 2_000;

export function createConsumer(options: ConsumerOptions): EmbeddedConsumer {
  const { queue, facts, committer, events, owner } = options;
  const isTemporary = facts?.temporary === true;
  let state: Consumer['state'] = 'opening';
  let id: number | undefined;
  let unsettled = 0;
  let most = options.prefetch;
  let mayBeReady = false;
  let isClaiming = false;

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

  function register({ queues }: Tables): void {
    id = declareQueue(queues, queue, facts, owner());
    if (state !== 'opening') return;
    queues.addOwner(owner());
    queues.addConsumer(id, owner());
  }

  function room(): number {
    return state === 'consuming' ? most - unsettled : 0;
  }

  function wantsMore(): boolean {
    return mayBeReady && room() > 0;
  }

  async function claim(): Promise<void> {
    if (isClaiming) return;
    isClaiming = true;
    try {
      while (wantsMore()) {
        const claimed = await committer.commit({ mustLast: false, work: claimNow });
        for (const message of claimed) take(message);
      }
    } finally {
      isClaiming = false;
    }
  }

  function claimNow({ messages }: Tables): StoredMessage[] {
    const limit = room();
    if (id === undefined || limit <= 0) return [];
    const claimed = messages.claim(id, owner(), limit);
    mayBeReady = claimed.length === limit;
    return claimed;
  }

  function take(message: StoredMessage): void {
    if (room() <= 0) {
      giveBack(message);
      return;
    }
    unsettled += 1;
    try {
      options.onDelivery(createDelivery(message, settler));
    } catch (error) {
      // Left unsettled: it comes again when this broker is closed, and until then keeps the fault from looping.
      events.emit('delivery:unhandled', { queue, error });
    }
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

  const settler: Settler = {
    queue,
    deadLetter: facts?.deadLetter ?? `${queue}.dead`,
    get owner() {
      return owner();
    },
    get isClosed() {
      return committer.isClosed;
    },
    async settle(work, bytes): Promise<Settlement> {
      unsettled -= 1;
      const settled = committer.commit({ mustLast: true, bytes, work });
      ignoreClosing(claim());
      try {
        return (await settled) ? 'settled' : 'lost';
      } catch {
        return 'lost';
      }
    },
  };

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
      return state;
    },
    async pause() {
      if (state !== 'stopped') ignoreClosing(halt('paused'));
    },
    resume(more) {
      if (state !== 'paused') return;
      most = more === undefined ? options.prefetch : unsettled + more;
      ignoreClosing(open());
    },
    async stop() {
      if (state === 'stopped') return;
      const left = halt('stopped');
      ignoreClosing(left);
      if (isTemporary) await settledWithin(left, STOP_LIMIT_MS);
    },
    awaken(queues) {
      if (id === undefined || !queues.has(id)) return;
      mayBeReady = true;
      ignoreClosing(claim());
    },
    lookAround() {
      const at = id;
      // A look costs nothing; a claim for nothing would keep others from writing.
      if (at === undefined || committer.read(({ messages }) => messages.hasReady(at)) !== true) return;
      mayBeReady = true;
      ignoreClosing(claim());
    },
  };
}

/** A commit rejects when the broker is closed first, and then there is nothing left to do. */
function ignoreClosing(work: Promise<unknown>): void {
  work.catch(() => {});
}

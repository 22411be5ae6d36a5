import type { Delivery } from '../broker/broker.ts';
import type { Ending, Entry } from '../journal/journal.ts';
import type { Conversation } from './conversation.ts';
import type { Running } from './running.ts';
import type { Workplace } from './workplace.ts';

/**
 * Sees to it that the requester hears the final reply, and that this is known before the message is let go. True: it
 * has, or nobody is to hear it. False: the message is in other hands, and so is the reply.
 *
 * A reply is only sent while its message is in hand. When that is lost, it comes again to this daemon, with the
 * record, or to another host, which runs the job and answers it; and one job must not be answered by two. Only where
 * nobody else can have it, as when a broker that was restarted has forgotten it, the reply goes out alone.
 */
export async function answer(
  running: Running,
  { verdict, reply, isReplied }: Ending,
  conversation: Conversation,
  entry: Entry,
  at: Workplace,
): Promise<boolean> {
  if (reply === undefined || isReplied) return true;
  for (;;) {
    const hold = await inHand(running, at);
    if (hold === undefined) return false;
    const said = await conversation.answer(reply, verdict.outcome.kind, hold.delivery);
    if (said === 'over') break;
    // Its delivery is good, or it has none: the broker is closed. The record has the reply, for the next life.
    if (hold.delivery?.isLost !== true) return false;
  }
  // Not waited for: whatever is written next is written after it.
  void entry.replied();
  return true;
}

interface Hold {
  /** Undefined: the message may be nobody's, so the reply depends on no delivery. */
  readonly delivery: Delivery | undefined;
}

/** Waits until the message is here, as it is unless its delivery was lost. Undefined: it is in other hands, or will be. */
async function inHand(running: Running, at: Workplace): Promise<Hold | undefined> {
  const { delivery, comesAgain } = running;
  if (!delivery.isLost) return { delivery };
  at.events.emit('reply:waiting', { ...running.facts, status: running.verdict?.outcome.kind ?? '' });
  const stopped = new AbortController();
  const where = await Promise.race([comesAgain.promise, aborted(at.draining, stopped.signal)]);
  stopped.abort();
  if (where === 'here') return { delivery: running.delivery };
  return where === 'gone' ? { delivery: undefined } : undefined;
}

/** Resolves when `signal` aborts; listens until `done` does. */
function aborted(signal: AbortSignal, done: AbortSignal): Promise<'stopped'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true, signal: done });
  });
}

import type { Delivery } from '../broker/broker.ts';
import { tokenOf } from './stored-job.ts';

/** How many are remembered. */
const MOST_COPIES = 10_000;

/** Knows what has been in hand in the life of this daemon, by token. */
export interface CopiesInHand {
  /** True if another copy of this message is or was in hand; it is this one that is remembered otherwise. */
  isSecond(delivery: Delivery): boolean;
  /** It is not in hand any more. */
  letGo(delivery: Delivery): void;
}

const SETTLED = { isLost: false };

export function createCopiesInHand(): CopiesInHand {
  /** Oldest first. What was lost comes again itself, under its token. */
  const known = new Map<string, Pick<Delivery, 'isLost'>>();
  return {
    isSecond(delivery) {
      const token = tokenOf(delivery.message);
      if (token === undefined) return false;
      if (known.get(token)?.isLost === false) return true;
      known.delete(token);
      known.set(token, delivery);
      const [oldest] = known.keys();
      if (known.size > MOST_COPIES && oldest !== undefined) known.delete(oldest);
      return false;
    },
    letGo(delivery) {
      const token = tokenOf(delivery.message);
      if (token === undefined || known.get(token) !== delivery) return;
      // Without its body.
      if (delivery.isLost) known.delete(token);
      else known.set(token, SETTLED);
    },
  };
}

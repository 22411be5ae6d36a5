import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../../broker/broker.ts';
import type { Announcer } from '../../job/events.ts';

/** Many jobs that end one after the other are one piece of news. */
const GATHER_MS = 25;

/** Whether something has happened by which a drain comes nearer to its end. */
export interface News {
  /** Something has, since this was asked last. */
  isNew(): boolean;
  /** Resolves soon after the next news, at the latest after `limitMs`. */
  next(limitMs: number): Promise<void>;
  end(): void;
}

export function listenForNews({
  events,
  brokerEvents,
}: {
  readonly events: Announcer;
  readonly brokerEvents: EventEmitter<BrokerEvents>;
}): News {
  let isNew = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = (): void => {};

  function hear(): void {
    if (isNew) return;
    isNew = true;
    clearTimeout(timer);
    timer = setTimeout(wake, GATHER_MS);
  }

  events.on('job:ended', hear);
  events.on('queue:paused', hear);
  brokerEvents.on('consumer:open', hear);
  return {
    isNew() {
      const was = isNew;
      isNew = false;
      return was;
    },
    next(limitMs) {
      return new Promise((resolve) => {
        wake = resolve;
        clearTimeout(timer);
        timer = setTimeout(resolve, isNew ? GATHER_MS : limitMs);
      });
    },
    end() {
      clearTimeout(timer);
      events.off('job:ended', hear);
      events.off('queue:paused', hear);
      brokerEvents.off('consumer:open', hear);
    },
  };
}

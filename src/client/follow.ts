import {
  type FinalEvent,
  type HeardEvent,
  type HeardMessage,
  isFinal,
  readJobEvent,
} from './read-job-event.ts';

/** Output takes another way than replies and may come a little later: so long nothing may come before it is the end. */
const LINGER_MS = 100;
const LONGEST_LINGER_MS = 1000;

/** Follows one job through all that comes to a reply queue. */
export interface Follower {
  readonly hear: (heard: HeardMessage) => void;
  /** Resolves with the final reply, after everything else was told. */
  readonly ended: Promise<FinalEvent>;
}

/**
 * Tells what is said of the job `id`, each fact once, and nothing of other jobs; the final reply comes last, as `ended`.
 * `lingers`: there may be output that arrives after the final reply.
 */
export function follow(id: string, tell: (event: HeardEvent) => void, lingers: boolean): Follower {
  const ended = Promise.withResolvers<FinalEvent>();
  let final: FinalEvent | undefined;
  let isStarted = false;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;

  function end(event: FinalEvent): void {
    isOver = true;
    ended.resolve(event);
  }

  return {
    hear(heard) {
      if (isOver || heard.message.properties.correlationId !== id) return;
      const event = readJobEvent(heard);
      if (event === undefined) return;
      if (!isFinal(event)) {
        if (event.event === 'started' && isStarted) return;
        isStarted ||= event.event === 'started';
        tell(event);
        timer?.refresh();
        return;
      }
      // A reply whose confirm was lost is sent twice.
      if (final !== undefined) return;
      final = event;
      timer = setTimeout(() => end(event), lingers ? LINGER_MS : 0);
      setTimeout(() => end(event), LONGEST_LINGER_MS).unref();
    },
    ended: ended.promise,
  };
}

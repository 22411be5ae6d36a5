import type { Broker, Delivery } from '../broker/broker.ts';
import type { Workplace } from './workplace.ts';

/** So soon after a queue is opened again all is there that the broker knows to be nobody's. */
const SETTLED_DOWN_MS = 1_000;
/** How long a question to the broker about a lost message may take. */
const LOOK_LIMIT_MS = 10_000;

export interface LostOptions extends Pick<Workplace, 'running' | 'journal' | 'speech'> {
  readonly queue: string;
  readonly broker: Broker;
  /** How long after its queue was opened again a message that was lost to us may come: until the broker has missed us. */
  readonly comesAgainMs: number;
  readonly isConsuming: () => boolean;
}

/**
 * What was lost to us comes again as soon as its queue is consumed again, or when the broker has missed us on our last
 * connection; or it goes to another host, or is gone. Watches until it is aborted.
 */
export function watchForTheLost(options: LostOptions): AbortController {
  const { queue, broker, running, journal, comesAgainMs, isConsuming } = options;
  const watch = new AbortController();
  let timers: NodeJS.Timeout[] = [];
  const onOpen = (opened: { readonly queue: string }): void => {
    if (opened.queue === queue) awaitThem();
  };
  const forgetTimers = (): void => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  };
  broker.events.on('consumer:open', onOpen);
  watch.signal.addEventListener('abort', () => {
    broker.events.off('consumer:open', onOpen);
    forgetTimers();
  });

  function awaitThem(): void {
    forgetTimers();
    const openedAtMs = Date.now();
    const after = (ms: number, look: () => Promise<void>): void => {
      const timer = setTimeout(() => {
        if (isConsuming()) void look();
      }, ms);
      timers.push(timer.unref());
    };
    // A broker that was restarted has forgotten what is not persistent; and who drains has the others without a consumer.
    after(SETTLED_DOWN_MS, async () => {
      const isTransient = ({ message }: Delivery): boolean => message.properties.persistent !== true;
      if (running.hasLost(isTransient) && (await isAlone(options, watch.signal)))
        running.giveUpTheLost('gone', isTransient);
    });
    after(comesAgainMs, async () => {
      await answerForTheGone(options, openedAtMs, watch.signal);
      running.giveUpTheLost('elsewhere');
      journal.expire(queue, openedAtMs);
    });
  }

  return watch;
}

/** Nobody has the messages that were lost to us: what their requesters have not heard, nobody else will tell them. */
async function answerForTheGone(
  options: LostOptions,
  openedAtMs: number,
  watching: AbortSignal,
): Promise<void> {
  const { queue, running, journal, speech } = options;
  const isAsked = running.hasLost() || journal.hasUnanswered(queue);
  if (!isAsked || !(await isAlone(options, watching))) return;
  running.giveUpTheLost('gone');
  for (const { reply, forget } of journal.unanswered(queue, openedAtMs))
    void speech.relay.send(reply).then(({ kind }) => (kind === 'lost' ? undefined : forget()));
}

async function isAlone({ queue, broker }: LostOptions, watching: AbortSignal): Promise<boolean> {
  try {
    const signal = AbortSignal.any([watching, AbortSignal.timeout(LOOK_LIMIT_MS)]);
    const [waiting, consumers] = [
      await broker.count(queue, signal),
      await broker.countConsumers(queue, signal),
    ];
    return waiting === 0 && consumers === 1;
  } catch {
    return false;
  }
}

import type { Broker, Delivery } from '../broker/broker.ts';
import type { Workplace } from './workplace.ts';

/** So soon after a queue is opened again all is there that the broker knows to be nobody's. */
const SETTLED_DOWN_MS = 1_000;
/** How long a question to the broker about a lost message may take. */
const LOOK_LIMIT_MS = 10_000;

export interface LostOptions extends Pick<Workplace, 'running' | 'journal' | 'speech' | 'draining'> {
  readonly queue: string;
  readonly broker: Broker;
  /** How long after its queue was opened again a message that was lost to us may come: until the broker has missed us. */
  readonly comesAgainMs: number;
  readonly isConsuming: () => boolean;
}

/**
 * What was lost to us comes again as soon as its queue is consumed again, or when the broker has missed us on our last
 * connection; or it goes to another host, or is gone.
 */
export function watchForTheLost(options: LostOptions): void {
  const { queue, broker, running, journal, comesAgainMs, isConsuming } = options;
  let lastOpenedAtMs = 0;
  broker.events.on('consumer:open', (opened) => {
    if (opened.queue === queue) awaitThem();
  });

  function awaitThem(): void {
    const openedAtMs = Date.now();
    lastOpenedAtMs = openedAtMs;
    const after = (ms: number, look: () => Promise<void>): void => {
      setTimeout(() => {
        if (lastOpenedAtMs === openedAtMs && isConsuming()) void look();
      }, ms).unref();
    };
    // A broker that was restarted has forgotten what is not persistent; and who drains has the others without a consumer.
    after(SETTLED_DOWN_MS, async () => {
      const isTransient = ({ message }: Delivery): boolean => message.properties.persistent !== true;
      if (running.hasLost(isTransient) && (await isAlone(options)))
        running.giveUpTheLost('gone', isTransient);
    });
    after(comesAgainMs, async () => {
      await answerForTheGone(options, openedAtMs);
      running.giveUpTheLost('elsewhere');
      journal.expire(queue, openedAtMs);
    });
  }
}

/** Nobody has the messages that were lost to us: what their requesters have not heard, nobody else will tell them. */
async function answerForTheGone(options: LostOptions, openedAtMs: number): Promise<void> {
  const { queue, running, journal, speech } = options;
  const isAsked = running.hasLost() || journal.hasUnanswered(queue);
  if (!isAsked || !(await isAlone(options))) return;
  running.giveUpTheLost('gone');
  for (const { reply, forget } of journal.unanswered(queue, openedAtMs))
    void speech.relay.send(reply).then(({ kind }) => (kind === 'lost' ? undefined : forget()));
}

async function isAlone({ queue, broker, draining }: LostOptions): Promise<boolean> {
  try {
    const signal = AbortSignal.any([draining, AbortSignal.timeout(LOOK_LIMIT_MS)]);
    const [waiting, consumers] = [
      await broker.count(queue, signal),
      await broker.countConsumers(queue, signal),
    ];
    return waiting === 0 && consumers === 1;
  } catch {
    return false;
  }
}

import { existsSync } from 'node:fs';
import { bareCopyOf, copyOf } from '../broker/amqp/copy.ts';
import type { Broker, Message, QueueOptions } from '../broker/broker.ts';
import { createEmbeddedBroker } from '../broker/embedded/embedded-broker.ts';
import { inspectEmbedded } from '../broker/embedded/inspect.ts';
import type { Config } from '../config/config.ts';
import type { Announcer } from '../job/events.ts';
import type { Journal } from '../journal/journal.ts';
import { HISTORY_PREFIX } from '../protocol/history.ts';
import { deadLettersOf, ownerOf } from '../receipt/local-queues.ts';
import { createReceiptBroker, type ReceiptBroker } from '../receipt/receipt-broker.ts';
import type { Log } from './log.ts';
import { receiptsFile } from './state-dir.ts';

const COUNT_LIMIT_MS = 5_000;
/** Nobody publishes to it: what is on this disk alone is no place for output. */
const NO_EXCHANGE = 'none';

/** Names of the mapped queues whose messages are acknowledged at the receipt; none where the queues are on this disk anyhow. */
export function receiptQueues({ amqp, mappings, runners }: Config): Set<string> {
  if (amqp === undefined) return new Set();
  return new Set(
    [...mappings].filter(([, runner]) => runners.get(runner)?.ack === 'receipt').map(([queue]) => queue),
  );
}

/** The dead-letter queues that are made by name, in the words of `makeBroker`: of the type of the queue that they belong to. */
export function deadLetterOptions(config: Config): Map<string, QueueOptions> {
  return new Map(
    [...receiptQueues(config)].flatMap((queue) => {
      const facts = config.queues.get(queue);
      if (facts === undefined || config.queues.has(facts.deadLetter)) return [];
      const { deadLetter, queueType } = facts;
      const type = queueType === undefined ? {} : { queueType };
      return [[deadLetter, { bind: [], deadLetter: `${deadLetter}.dead`, ...type }] as const];
    }),
  );
}

/** A broker of queues that are acknowledged at the receipt. */
export interface MadeReceipts {
  readonly broker: ReceiptBroker;
  /** Knows from now on what this configuration says of such queues, besides what it knew. */
  readonly change: (config: Config) => void;
}

/**
 * The broker of all queues that are acknowledged at the receipt, around `remote`. Undefined when there is none, and
 * the last daemon has left nothing to send.
 */
export function makeReceipts(
  config: Config,
  remote: Broker,
  { journal, events, log }: { readonly journal: Journal; readonly events: Announcer; readonly log: Log },
): MadeReceipts | undefined {
  const file = receiptsFile(config);
  const worked = receiptQueues(config);
  if (worked.size === 0 && !existsSync(file)) return undefined;
  const left = waitingIn(file);
  warnOfTheUnworked(left, config, { file, log });
  if (config.amqp === undefined || (worked.size === 0 && left.size === 0)) return undefined;

  const queues = new Map(
    [...config.queues].flatMap(([queue, { deadLetter }]) => {
      const runner = config.mappings.get(queue) ?? '';
      return worked.has(queue) || left.has(deadLettersOf(queue))
        ? [[queue, { runner, deadLetter }] as const]
        : [];
    }),
  );
  const stored = new Map<string, QueueOptions>();
  let { replyGapMs } = config.rbit;
  const local = createEmbeddedBroker({ file, exchange: NO_EXCHANGE, queues: stored });
  const broker = createReceiptBroker({
    remote,
    local,
    journal,
    events,
    queues,
    replyGapMs: () => replyGapMs,
    copies: (message) => [copyOf(message, {}), bareCopyOf(message, ownHeaders(message))],
  });
  const change = (changed: Config): void => {
    ({ replyGapMs } = changed.rbit);
    for (const queue of receiptQueues(changed)) {
      const { deadLetter = '' } = changed.queues.get(queue) ?? {};
      queues.set(queue, { runner: changed.mappings.get(queue) ?? '', deadLetter });
      stored.set(queue, { bind: [], deadLetter: deadLettersOf(queue) });
    }
  };
  change(config);
  return { broker, change };
}

/** Says how many jobs of a queue were acknowledged and not worked, when it is not worked any more: they stay on this disk. */
export async function warnOfStored(queue: string, receipts: Broker, log: Log): Promise<void> {
  const count = await receipts.count(queue, AbortSignal.timeout(COUNT_LIMIT_MS)).catch(() => undefined);
  if (count === undefined || count === 0) return;
  const jobs = count === 1 ? '1 job stays' : `${count} jobs stay`;
  log.warn(
    { queue },
    `queue ${queue}: ${jobs} on this disk until it is mapped again (to a runner with ack = receipt)`,
  );
}

/** None of ours is longer; and what somebody else has put there must not keep the message from being sent. */
const LONGEST_OWN = 2_000;

/** Why and where a job died: what must stay on its message whatever else has to go. */
function ownHeaders({ properties }: Message): Record<string, unknown> {
  const own = Object.entries(properties.headers).filter(
    ([name, value]) =>
      name.startsWith(HISTORY_PREFIX) && Object(value) !== value && String(value).length <= LONGEST_OWN,
  );
  return Object.fromEntries(own);
}

/** Queues of the file with messages, and how many. What cannot be looked into now is waited for by its broker. */
function waitingIn(file: string): Map<string, number> {
  const inspection = inspectEmbedded(file);
  const queues = inspection !== undefined && 'queues' in inspection ? inspection.queues : [];
  const counts = queues.map(
    ({ name, messages, delayed, delivered }) => [name, messages + delayed + delivered] as const,
  );
  return new Map(counts.filter(([, count]) => count > 0));
}

/** What lies there for a queue that is not worked from there any more stays. */
function warnOfTheUnworked(
  left: ReadonlyMap<string, number>,
  config: Config,
  { file, log }: { readonly file: string; readonly log: Log },
): void {
  const worked = receiptQueues(config);
  for (const [name, count] of left) {
    const queue = ownerOf(name);
    const what = queue === undefined ? 'replies' : queue === name ? 'jobs' : 'dead letters';
    const goesOn = queue === undefined || (queue === name ? worked : config.queues).has(queue);
    if (goesOn && config.amqp !== undefined) continue;
    const whose = queue === undefined ? '' : ` of queue ${queue}`;
    const fix =
      config.amqp === undefined
        ? 'start once more with the [amqp] that they came from'
        : 'map the queue to a runner with ack = receipt';
    log.warn({ queue }, `${count} ${what}${whose} left in ${file} will not go on: ${fix}`);
  }
}

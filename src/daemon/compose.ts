import { EventEmitter } from 'node:events';
import type { Config, RunnerConfig } from '../config/config.ts';
import type { WorkEvents } from '../job/events.ts';
import type { Runner } from '../job/runner.ts';
import { createMemoryJournal } from '../journal/memory-journal.ts';
import { createRelay } from '../journal/relay.ts';
import type { Policy } from '../worker/policy.ts';
import { Slots } from '../worker/slots.ts';
import { Worker } from '../worker/worker.ts';
import { Daemon } from './daemon.ts';
import type { Log } from './log.ts';
import { logBroker, logWork } from './log-events.ts';
import { makeBroker } from './make-broker.ts';
import { replyFilter } from './reply-filter.ts';

/** Puts a daemon together: the only place that knows every concrete part. `runners` are started already. */
export async function compose(
  config: Config,
  runners: ReadonlyMap<string, Runner>,
  log: Log,
): Promise<Daemon> {
  const { broker, exchange } = await makeBroker(config);
  const events = new EventEmitter<WorkEvents>();
  logBroker(log, broker.events);
  logWork(log, events);

  const speech = {
    relay: createRelay(broker),
    publishLoosely: (publication: Parameters<typeof broker.publishLoosely>[0]) =>
      broker.publishLoosely(publication),
    events,
    exchange,
    replyAllowed: replyFilter(config.rbit.replyToAllow),
    replyGapMs: config.rbit.replyGapMs,
  };
  const journal = createMemoryJournal();

  const slotsOf = new Map(
    [...config.runners].map(([name, { concurrency }]) => [name, new Slots(concurrency)] as const),
  );

  const workers = [...config.mappings].map(([queue, name]) => {
    const runner = present(runners.get(name), name);
    const policy = policyOf(present(config.runners.get(name), name));
    const slots = present(slotsOf.get(name), name);
    const { mask } = config.secrets;
    return new Worker({ queue, broker, runner, policy, slots, journal, speech, events, mask });
  });
  return new Daemon({
    broker,
    workers,
    runners: [...runners.values()],
    log,
    shutdownTimeoutMs: config.rbit.shutdownTimeoutMs,
    killGraceMs: Math.max(...[...config.runners.values()].map(({ killGraceMs }) => killGraceMs)),
  });
}

/** How the jobs of a `[runner:NAME]` section are treated, in the worker's words. */
export function policyOf(section: RunnerConfig): Policy {
  return {
    runner: section.name,
    body: section.body,
    required: section.required,
    concurrency: section.concurrency,
    timeoutMs: section.timeoutMs,
    killGraceMs: section.killGraceMs,
    blockedDelay: section.blockedDelay,
    blockedLimit: section.blockedLimit,
    retries: section.retries,
    retryDelay: section.retryDelay,
    keepFailed: section.keepFailed,
    output: section.output,
    notify: section.notify,
  };
}

/** The configuration was validated, so a mapping without its runner is a bug, never a user's mistake. */
function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`runner ${name} is mapped but was not made`);
  return value;
}

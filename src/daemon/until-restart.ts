import { isDeepStrictEqual } from 'node:util';
import type { AmqpConfig, AmqpUrl, Config, RunnerConfig } from '../config/config.ts';

/** What of a new configuration can be applied to a running daemon. */
export interface Applicable {
  readonly config: Config;
  /** What waits for a restart, in words: one line a fact, without values. */
  readonly waiting: readonly string[];
}

/** How the messages of the queues are acknowledged now. */
export interface Acks {
  /** Of a queue that is worked; undefined for any other. */
  readonly of: (queue: string) => RunnerConfig['ack'] | undefined;
  /** Whether another queue could be worked so that its messages are acknowledged at the receipt. */
  readonly mayReceive: boolean;
}

const AMQP_KEYS: Readonly<Record<Exclude<keyof AmqpConfig, 'urls'>, string>> = {
  ca: 'ca-file',
  cert: 'cert-file',
  key: 'key-file',
  servername: 'servername',
  heartbeatMs: 'heartbeat',
  connectTimeoutMs: 'connect-timeout',
  reconnectMaxDelayMs: 'reconnect-max-delay',
  exchange: 'exchange',
  declare: 'declare',
  queueType: 'queue-type',
};
const URL_KEYS: Readonly<Record<keyof AmqpUrl, string>> = {
  protocol: 'ssl',
  hostname: 'host',
  port: 'port',
  user: 'user',
  password: 'password',
  vhost: 'virtual_host',
};
const RBIT_KEYS = { name: 'name', stateDir: 'state-dir', logFormat: 'log-format' } as const;

/** The new configuration with the old value of all that a running daemon cannot change. */
export function applicable(current: Config, next: Config, acks: Acks): Applicable {
  const rbitKeys = keysThatDiffer(RBIT_KEYS, current.rbit, next.rbit);
  const { name, stateDir, stateDirAt, logFormat } = current.rbit;
  const { amqp, http } = current;
  const kept = { ...next, amqp, http, rbit: { ...next.rbit, name, stateDir, stateDirAt, logFormat } };
  const waiting = [
    ...rbitKeys.map((key) => `[rbit] ${key}`),
    ...amqpKeys(amqp, next.amqp).map((key) => `[amqp] ${key}`.trimEnd()),
    ...httpKeys(current, next).map((key) => `[http] ${key}`.trimEnd()),
  ];
  const { config, words } = amqp === undefined ? { config: kept, words: [] } : keepAcks(current, kept, acks);
  return { config, waiting: [...waiting, ...words].map((what) => `${what}: takes a restart`) };
}

function amqpKeys(was: AmqpConfig | undefined, is: AmqpConfig | undefined): string[] {
  if (was === undefined || is === undefined) return was === is ? [] : [''];
  return [...urlKeys(was.urls, is.urls), ...keysThatDiffer(AMQP_KEYS, was, is)];
}

/** By the key of one part, if there is one broker: it may have been written as a URL all the same. */
function urlKeys(was: readonly AmqpUrl[], is: readonly AmqpUrl[]): string[] {
  if (isDeepStrictEqual(was, is)) return [];
  const [[old], [now]] = [was, is];
  if (was.length > 1 || is.length > 1 || old === undefined || now === undefined) return ['url'];
  return keysThatDiffer(URL_KEYS, old, now);
}

function httpKeys({ http: was }: Config, { http: is }: Config): string[] {
  if (was === undefined || is === undefined) return was === is ? [] : [''];
  return keysThatDiffer({ listen: 'listen', token: 'token' }, was, is);
}

function keysThatDiffer<T extends object>(
  keys: Readonly<Partial<Record<keyof T & string, string>>>,
  was: T,
  is: T,
): string[] {
  return Object.entries<string | undefined>(keys).flatMap(([field, key]) =>
    // Each name of `keys` is one of T's own.
    isDeepStrictEqual(was[field as keyof T], is[field as keyof T]) || key === undefined ? [] : [key],
  );
}

/**
 * A message that is in hand belongs to one way of acknowledging, and so does what comes again of it: a queue that is
 * worked keeps its own, if need be with the runner that it has had.
 */
function keepAcks(current: Config, next: Config, acks: Acks): { config: Config; words: string[] } {
  const [mappings, runners] = [new Map(next.mappings), new Map(next.runners)];
  const processors = new Map(next.processors);
  const words: string[] = [];
  // A queue that keeps its runner may take the ack from another one: until each can be worked as it is mapped.
  for (;;) {
    for (const [queue, name] of mappings) {
      const was = current.mappings.get(queue) === name ? current.runners.get(name) : undefined;
      const runner = runners.get(name) ?? was;
      if (was === undefined || runner === undefined || acks.of(queue) === undefined) continue;
      if (was.ack !== runner.ack) words.push(`runner ${name}: ack`);
      runners.set(name, { ...runner, ack: was.ack });
      const processor = processors.get(runner.processor) ?? current.processors.get(runner.processor);
      if (processor !== undefined) processors.set(runner.processor, processor);
    }
    const refused = [...mappings].find(([queue, name]) => !mayHave(queue, runners.get(name)?.ack, acks));
    if (refused === undefined) break;
    const [queue, name] = refused;
    const ack = runners.get(name)?.ack;
    const old = current.mappings.get(queue);
    if (old === undefined || old === name) {
      mappings.delete(queue);
      words.push(`queue ${queue}: runner ${name} with ack = ${ack}`);
    } else {
      mappings.set(queue, old);
      words.push(`queue ${queue}: runner ${name}, whose ack is ${ack}`);
    }
  }
  const queues = new Map([...next.queues].filter(([queue]) => mappings.has(queue)));
  return { config: { ...next, mappings, runners, processors, queues }, words };
}

function mayHave(queue: string, ack: RunnerConfig['ack'] | undefined, acks: Acks): boolean {
  return ack === (acks.of(queue) ?? (acks.mayReceive ? ack : 'done'));
}

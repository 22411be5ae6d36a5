import type { EventEmitter } from 'node:events';
import type { BrokerEvents } from '../../broker/broker.ts';
import { createConnections } from '../../http/connections.ts';
import type { Announcer } from '../../job/events.ts';
import { followConnections } from '../follow-connections.ts';
import type { Log } from '../log.ts';
import { IntakeWatch, type WorkFacts } from './intake-watch.ts';
import type { ServiceManager } from './service-manager.ts';
import { type Fields, Speaker } from './speaker.ts';
import { describeStuck, statusText } from './status-text.ts';

/*
 * What the service manager is told, and when:
 *
 *   starting    READY once each queue is consumed or it is known why not; after a while in any case
 *   running     STATUS when it has changed; the watchdog is fed as long as a new start would do no good
 *   reloading   RELOADING, then READY; the watchdog is fed as long as the event loop turns
 *   stopping    STOPPING, and how long that may take; fed in the same way
 */
type Phase = 'starting' | 'running' | 'reloading' | 'stopping';

export interface ReporterOptions {
  readonly manager: ServiceManager;
  readonly events: Announcer;
  readonly brokerEvents: EventEmitter<BrokerEvents>;
  /** Asked for the mapped queues and the jobs in hand as they are now. */
  readonly read: () => Pick<WorkFacts, 'queues' | 'inHand'>;
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
  readonly log: Pick<Log, 'info' | 'error'>;
  /** How long a broker may take to say yes or no before the start is over all the same; 10 s if not given. */
  readonly readyLimitMs?: number;
}

/** A broker that neither takes nor refuses a connection must not make the start time out. */
const READY_LIMIT_MS = 10_000;
const BETWEEN_STATUS_MS = 1_000;
/** Until a message that was not heard is said again. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

const WORK_EVENTS = [
  'job:begun',
  'job:ended',
  'queue:paused',
  'queue:probing',
  'queue:resumed',
  'queue:held',
  'queue:released',
  'journal:lost',
  'journal:open',
] as const;
const BROKER_EVENTS = ['connection:open', 'connection:lost', 'consumer:open', 'consumer:lost'] as const;

/** Listens from now on; says nothing before `start`. */
export class ServiceReporter {
  readonly #options: ReporterOptions;
  readonly #speaker: Speaker;
  readonly #watch: IntakeWatch;
  readonly #connections = createConnections();
  #phase: Phase = 'starting';
  #status = '';
  #toldAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #feeding: NodeJS.Timeout | undefined;
  #isStarted = false;
  /** The broker has not said anything in time. */
  #isOverdue = false;
  /** It was said that the watchdog goes hungry, and not yet that all is well again. */
  #isAlarmed = false;
  /** What was said last may not have been heard. */
  #isUnheard = false;
  #retryInMs = 0;
  readonly #silences = new Set<string>();

  constructor(options: ReporterOptions) {
    this.#options = options;
    const { manager, events, brokerEvents } = options;
    this.#speaker = new Speaker({
      socket: manager.socket,
      onSilent: (reason, wasSteady) => this.#onSilent(reason, wasSteady),
    });
    this.#watch = new IntakeWatch(manager.watchdogMs ?? Number.POSITIVE_INFINITY);
    for (const event of WORK_EVENTS) events.on(event, () => this.#touch());
    for (const event of BROKER_EVENTS) brokerEvents.on(event, () => this.#touch());
    followConnections(brokerEvents, this.#connections);
  }

  /** The daemon has begun to take messages, as far as the broker lets it. */
  start(): void {
    const { manager, readyLimitMs = READY_LIMIT_MS } = this.#options;
    const { watchdogMs } = manager;
    this.#isStarted = true;
    setTimeout(() => {
      this.#isOverdue = true;
      this.#touch();
    }, readyLimitMs).unref();
    if (watchdogMs !== undefined) this.#feeding = setInterval(() => this.#tell(FOOD), watchdogMs / 2).unref();
    this.#touch();
  }

  /** A reload has begun; `reloaded` has to follow. */
  reloading(): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'reloading';
    this.#speaker.say({ RELOADING: '1', MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n) });
  }

  reloaded(): void {
    if (this.#phase !== 'reloading') return;
    this.#phase = 'running';
    this.#tell({ READY: '1' });
  }

  /** Nothing new is taken, and in `limitMs` the process has ended. */
  stopping(limitMs: number): void {
    this.#phase = 'stopping';
    this.#tell({ STOPPING: '1', EXTEND_TIMEOUT_USEC: String(Math.ceil(limitMs) * 1000) });
  }

  /** Resolves when all is said; nothing is told any more. */
  async close(): Promise<void> {
    this.#isStarted = false;
    clearInterval(this.#feeding);
    clearTimeout(this.#timer);
    await this.#speaker.close();
  }

  /** Something may have changed: told soon, however much it is. */
  #touch(): void {
    if (!this.#isStarted) return;
    this.#timer ??= setTimeout(
      () => this.#tell(),
      Math.max(0, this.#toldAt + BETWEEN_STATUS_MS - performance.now()),
    ).unref();
  }

  /** Says `fields`, and the status if it has changed; the watchdog's food only if it is to be fed. */
  #tell(fields: Fields = {}): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldAt = performance.now();
    const facts = this.#facts();
    const stuck = this.#phase === 'running' ? this.#watch.findStuck(facts) : undefined;
    this.#logTrouble(facts, stuck);
    const said: Record<string, string> = stuck !== undefined && fields === FOOD ? {} : { ...fields };
    if (this.#phase === 'starting' && this.#isReady(facts)) {
      this.#phase = 'running';
      said['READY'] = '1';
    }
    if (this.#isUnheard && this.#phase === 'running') said['READY'] = '1';
    this.#isUnheard = false;
    const status = this.#options.mask(
      `${this.#phase === 'stopping' ? 'stopping: ' : ''}${statusText(facts, stuck)}`,
    );
    if (status !== this.#status) said['STATUS'] = this.#status = status;
    if (Object.keys(said).length > 0) this.#speaker.say(said);
  }

  #facts(): WorkFacts {
    const connections = this.#connections.list();
    const brokerTrouble = connections.find(({ trouble }) => trouble !== undefined)?.trouble;
    return {
      ...this.#options.read(),
      brokerTrouble: connections.length === 0 ? 'not connected yet' : brokerTrouble,
    };
  }

  #isReady({ queues }: WorkFacts): boolean {
    return (
      this.#isOverdue || queues.every(({ state, reason }) => state !== 'not-consumed' || reason !== undefined)
    );
  }

  #logTrouble({ queues }: WorkFacts, stuck: Stuck): void {
    const { log } = this.#options;
    if (stuck !== undefined && !this.#isAlarmed) {
      this.#isAlarmed = true;
      log.error(`${describeStuck(stuck)}: the watchdog is not fed, so that the daemon is started anew`);
    } else if (this.#isAlarmed && !queues.some(({ state }) => state === 'not-consumed')) {
      this.#isAlarmed = false;
      log.info('each queue is consumed or paused: the watchdog is fed again');
    }
  }

  #onSilent(reason: string, wasSteady: boolean): void {
    if (!this.#silences.has(reason))
      this.#options.log.error(`the service manager does not hear this daemon: ${reason}`);
    this.#silences.add(reason);
    this.#status = '';
    this.#isUnheard = true;
    this.#retryInMs = wasSteady
      ? 0
      : Math.min(Math.max(FIRST_RETRY_MS, this.#retryInMs * 2), LONGEST_RETRY_MS);
    // What was lost may have been the last food for now, or the word that the start is over.
    setTimeout(() => {
      if (this.#isStarted) this.#tell(this.#feeding === undefined ? {} : FOOD);
    }, this.#retryInMs).unref();
  }
}

type Stuck = ReturnType<IntakeWatch['findStuck']>;

const FOOD: Fields = { WATCHDOG: '1' };

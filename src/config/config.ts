import type { Problem } from './problem.ts';
import type { Secrets } from './secrets.ts';
import type { DelayRange } from './values.ts';

/** Everything that the INI files say, checked, with defaults filled in. */
export interface Config {
  /** Absolute paths, in the order in which they were read. */
  readonly files: readonly string[];
  readonly rbit: RbitConfig;
  /** Undefined: the embedded queue, in `rbit.stateDir`. */
  readonly amqp: AmqpConfig | undefined;
  /** Undefined: nothing listens. */
  readonly http: HttpConfig | undefined;
  /** Queue → name of its runner. */
  readonly mappings: ReadonlyMap<string, string>;
  /** One entry for each mapped queue. */
  readonly queues: ReadonlyMap<string, QueueConfig>;
  /** Every `[runner:NAME]`, mapped or not. */
  readonly runners: ReadonlyMap<string, RunnerConfig>;
  /** Every `[processor:NAME]`. */
  readonly processors: ReadonlyMap<string, ProcessorConfig>;
  readonly warnings: readonly Problem[];
  readonly secrets: Secrets;
  /** `SECTION.KEY` of each value that was filled in from `${env:…}` or `${file:…}`, however short: it is not shown. */
  readonly hidden: ReadonlySet<string>;
}

export interface RbitConfig {
  readonly name: string;
  /** Absolute folder of what has to survive a restart; it need not exist yet. */
  readonly stateDir: string;
  /** Where `state-dir` is written; undefined: nowhere, `stateDir` is the default. */
  readonly stateDirAt: { readonly file: string; readonly line: number } | undefined;
  readonly shutdownTimeoutMs: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly logFormat: 'auto' | 'pretty' | 'json';
  readonly replyGapMs: number;
  /** Patterns; empty: any reply queue. */
  readonly replyToAllow: readonly string[];
}

/** One broker to try. Everything decoded: what is percent-encoded in a URL is plain text here. */
export interface AmqpUrl {
  readonly protocol: 'amqp' | 'amqps';
  /** An IPv6 address has no brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
}

export interface AmqpConfig {
  /** At least one; to be tried in turn. */
  readonly urls: readonly AmqpUrl[];
  /** Absolute paths of PEM files. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername: string | undefined;
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  readonly reconnectMaxDelayMs: number;
  readonly exchange: string | undefined;
  readonly declare: 'if-missing' | 'passive' | 'no';
  /** The broker's own default when undefined. */
  readonly queueType: string | undefined;
}

/** A TCP address to listen on. */
export interface ListenAddress {
  /** A name or an address; an IPv6 address has no brackets. */
  readonly host: string;
  /** 0: the system chooses one. */
  readonly port: number;
}

export interface HttpConfig {
  readonly listen: ListenAddress;
  /** Undefined: nothing can be changed over HTTP. */
  readonly token: string | undefined;
}

export interface QueueConfig {
  /** Routing keys on the exchange of `[amqp]`, or on the embedded broker's own. */
  readonly bind: readonly string[];
  readonly queueType: string | undefined;
  readonly deadLetter: string;
}

/** A `[runner:NAME]` section. */
export interface RunnerConfig {
  readonly name: string;
  readonly processor: string;
  /** What follows the first `!`, untouched. */
  readonly spec: string;
  /** Where the `runner` key is written. */
  readonly at: { readonly file: string; readonly line: number };
  /** Absolute folder of the file in which the `runner` key is written. */
  readonly directory: string;
  readonly concurrency: number;
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
  readonly killGraceMs: number;
  readonly blockedDelay: DelayRange;
  /** 0: no limit. */
  readonly blockedLimit: number;
  readonly retries: number;
  readonly retryDelay: DelayRange;
  /** How often a job may take the daemon down. */
  readonly crashLimit: number;
  readonly keepFailed: boolean;
  readonly ack: 'done' | 'receipt';
  readonly onRestart: 'fail' | 'rerun';
  readonly body: 'json' | 'any';
  /** Paths into the body, such as `dynamic.cart`. */
  readonly required: readonly string[];
  /** Absolute; it existed when the configuration was read. */
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly output: boolean;
  readonly notify: boolean;
  readonly successCodes: readonly number[];
  readonly blockedCodes: readonly number[];
  readonly unavailableCodes: readonly number[];
  /** What is started for a job is not forked by the daemon itself. */
  readonly warmStart: boolean;
  /** Undefined: a job may say nothing as long as it likes. */
  readonly idleTimeoutMs: number | undefined;
  /** Bytes; undefined: all of it. */
  readonly maxOutput: number | undefined;
  readonly redact: readonly RegExp[];
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly nice: number | undefined;
  /** Bytes. */
  readonly memory: number | undefined;
  readonly isolation: 'thread' | 'process' | 'none';
  /** Undefined: as many as there are cores, at most `concurrency`. */
  readonly threads: number | undefined;
  /** 0: no limit. */
  readonly maxJobs: number;
  /** The program of `python!`, as written. */
  readonly python: string;
  /** The runner's own keys. */
  readonly settings: Readonly<Record<string, string>>;
  /** All keys of the section, `[DEFAULT]`'s among them, as text: what a Python runner of rbit is given. */
  readonly section: Readonly<Record<string, string>>;
}

/** A `[processor:NAME]` section: a processor of the user's own. */
export interface ProcessorConfig {
  readonly name: string;
  /** PATH[:EXPORT]. */
  readonly module: string;
  /** Where that is written. */
  readonly at: { readonly file: string; readonly line: number };
  /** Absolute folder of that file, which the path is relative to. */
  readonly directory: string;
}

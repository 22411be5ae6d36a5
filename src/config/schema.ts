import {
  bodyPath,
  boolean,
  choice,
  delayRange,
  duration,
  durationOrNone,
  integer,
  list,
  readableFile,
  text,
  type ValueType,
} from './values.ts';

/** One key of a section: all that reading it, checking it and describing it takes. */
export interface Key<T> {
  readonly type: ValueType<T>;
  /** As one would write it; undefined when nothing stands for the absent key. */
  readonly default: string | undefined;
  /** The value when the key is absent. */
  readonly absent: T;
  readonly meaning: string;
  /** Taken as written: `${env:…}` means nothing in it, and ` ;` is nothing odd. */
  readonly verbatim?: boolean;
  /** Not available in this version, and not safe to ignore. */
  readonly refused?: boolean;
  /** The one processor that heeds it. */
  readonly processor?: Processor;
  /** What people call it elsewhere. */
  readonly aliases?: readonly string[];
}

export type Keys = Readonly<Record<string, Key<unknown>>>;

/** The typed values of a section with these keys. */
export type ValuesOf<K extends Keys> = { readonly [N in keyof K]: K[N] extends Key<infer T> ? T : never };

type Extras = Pick<Key<unknown>, 'verbatim' | 'refused' | 'processor' | 'aliases'>;

function key<T>(type: ValueType<T>, standard: string, meaning: string, extras: Extras = {}): Key<T> {
  const parsed = type.parse(standard, '');
  if (!parsed.ok) throw new Error(`the default "${standard}" is ${parsed.message}`);
  return { type, default: standard, absent: parsed.value, meaning, ...extras };
}

function optional<T>(type: ValueType<T>, meaning: string, extras: Extras = {}): Key<T | undefined> {
  return { type, default: undefined, absent: undefined, meaning, ...extras };
}

/** What may stand before the `!` of a runner's line. */
export const processors = ['shell', 'module'] as const;
export type Processor = (typeof processors)[number];

const name = text({ min: 1, short: true });
const port = integer(1, 65_535);
const count = integer(0, Number.MAX_SAFE_INTEGER);
const exitCodes = list(integer(0, 255));
const queueType = choice(['classic', 'quorum']);

const rbit = {
  'queue-mappings': key(text(), '', 'QUEUE:RUNNER pairs, one a line or with spaces between; required.', {
    aliases: ['mappings', 'queues'],
  }),
  name: optional(name, 'Name of this daemon, on its connections and in its log; the host name if absent.'),
  'state-dir': optional(
    text({ min: 1 }),
    'Folder of the embedded queue, or of the journal; of systemd or the user, by name, if absent.',
  ),
  'shutdown-timeout': key(duration(), '30s', 'How long running jobs may go on after SIGTERM, all together.'),
  'log-level': key(
    choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
    'info',
    'The least important lines that are logged.',
  ),
  'log-format': key(
    choice(['auto', 'pretty', 'json']),
    'auto',
    'How lines are logged; auto is pretty on a terminal and JSON elsewhere.',
  ),
  'reply-gap': key(
    duration(),
    '0',
    'Least time between started and the final reply, for requesters that mix up two at once.',
  ),
  'reply-to-allow': key(
    list(name),
    '',
    'Patterns (with *) of the reply queues that a message may name; any if empty.',
  ),
};

const include = {
  files: optional(text(), 'Files that are read after this one; patterns, relative to it.'),
};

const amqp = {
  url: optional(text({ min: 1 }), 'One or several amqp:// or amqps:// URLs, tried in turn.', {
    aliases: ['uri', 'urls', 'server'],
  }),
  host: key(text({ min: 1 }), 'localhost', 'Host of the broker, when there is no url.'),
  port: optional(port, 'Port of the broker; 5672, or 5671 with ssl.'),
  user: key(text({ min: 1 }), 'guest', 'User name at the broker.', { aliases: ['username', 'login'] }),
  password: key(text(), 'guest', 'Password at the broker.', { aliases: ['pass', 'secret'] }),
  virtual_host: key(text({ min: 1, short: true }), '/', 'Virtual host at the broker.', {
    aliases: ['vhost'],
  }),
  ssl: optional(boolean, 'Connect with TLS; amqps:// says the same in a url.', { aliases: ['tls'] }),
  'ca-file': optional(
    readableFile,
    'Certificates of the authorities to trust, as PEM; the system’s if absent.',
    {
      aliases: ['ca', 'cafile'],
    },
  ),
  'cert-file': optional(readableFile, 'Certificate to show to the broker, as PEM.', { aliases: ['cert'] }),
  'key-file': optional(readableFile, 'Private key of cert-file, as PEM.', { aliases: ['key'] }),
  servername: optional(text({ min: 1 }), 'Name to expect in the broker’s certificate; the host if absent.'),
  heartbeat: key(duration(1000), '20s', 'How often both ends show that they are there; whole seconds.'),
  'connect-timeout': key(duration(1), '10s', 'How long one attempt to connect may take.'),
  'reconnect-max-delay': key(duration(1), '30s', 'The longest wait between two attempts to connect.'),
  exchange: optional(
    text({ short: true }),
    'Topic exchange for lines of output and notifications; none if absent.',
  ),
  declare: key(
    choice(['if-missing', 'passive', 'no']),
    'if-missing',
    'What to do about queues: create what is missing, only look, or nothing.',
  ),
  'queue-type': optional(queueType, 'Type of the queues that are created; the broker’s default if absent.'),
};

const queue = {
  bind: key(
    list(name),
    '',
    'Routing keys on the exchange of [amqp], or on the embedded one, that lead to this queue.',
  ),
  'queue-type': optional(queueType, 'Type of this queue if it is created; as in [amqp] if absent.'),
  'dead-letter': optional(name, 'Queue for messages that cannot be worked; NAME.dead if absent.'),
};

const runner = {
  runner: key(text(), '', 'PROCESSOR!SPEC: what a job runs; required.', { verbatim: true }),
  concurrency: key(integer(1, 65_535), '1', 'How many jobs run at once.', {
    aliases: ['prefetch', 'workers'],
  }),
  timeout: key(durationOrNone(1), '25m', 'How long a job may run; none for no limit.'),
  'kill-grace': key(duration(), '10s', 'How long a job that has to end may take before it is killed.'),
  'blocked-delay': key(
    delayRange(1),
    '30s',
    'How long a blocked job waits; a range such as 30s..15m doubles.',
  ),
  'blocked-limit': key(count, '0', 'How often a job may be blocked before it fails; 0 for no limit.'),
  retries: key(count, '0', 'How often a job runs again after a failure that nobody declared final.'),
  'retry-delay': key(delayRange(1), '10s..10m', 'How long a job waits before a retry.'),
  'crash-limit': key(
    integer(1, Number.MAX_SAFE_INTEGER),
    '3',
    'How often the daemon may die with a job in hand before its message is dead-lettered.',
  ),
  'keep-failed': key(boolean, 'no', 'Put failed jobs on the dead-letter queue as well.'),
  ack: key(
    choice(['done', 'receipt']),
    'done',
    'When a message is acknowledged: at the end of its job, or when it is written to disk.',
  ),
  'on-restart': key(
    choice(['fail', 'rerun']),
    'fail',
    'With ack = receipt: what becomes of a job whose daemon died while it was in hand.',
  ),
  body: key(choice(['json', 'any']), 'json', 'What a message may hold.'),
  required: key(list(bodyPath), '', 'Paths into the message without which a job fails before it starts.'),
  cwd: optional(text({ min: 1 }), 'Folder that commands run in, relative to the INI file.', {
    processor: 'shell',
  }),
  user: optional(text(), 'User that jobs run as.', { refused: true }),
  group: optional(text(), 'Group that jobs run as.', { refused: true }),
  output: key(boolean, 'yes', 'Publish each line a job prints, if there is an exchange.'),
  notify: key(boolean, 'no', 'Publish the notifications that a message asks for.'),
  'success-codes': key(exitCodes, '0', 'Exit codes that complete a job.', { processor: 'shell' }),
  'blocked-codes': key(exitCodes, '75', 'Exit codes that mean: not now.', { processor: 'shell' }),
  'unavailable-codes': key(exitCodes, '126 127', 'Exit codes that mean: this runner cannot be started.', {
    processor: 'shell',
  }),
  isolation: key(
    choice(['thread'], ['process', 'none']),
    'thread',
    'What keeps a module apart from the daemon.',
    {
      processor: 'module',
    },
  ),
  threads: optional(integer(1, 1024), 'Threads for a module; the cores, at most concurrency, if absent.', {
    processor: 'module',
  }),
};

/**
 * Every key of every section. Two things are not in it: `env.NAME` in a runner (a variable of its jobs' environment),
 * and a runner's own settings, which are all the other keys there.
 */
export const schema = { rbit, include, amqp, queue, runner } as const;

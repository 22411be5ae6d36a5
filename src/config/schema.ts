import { key, optional } from './key.ts';
import { listenAddress } from './listen-address.ts';
import { runnerKeys } from './runner-keys.ts';
import { boolean, choice, duration, integer, list, readableFile, text } from './values.ts';

const name = text({ min: 1, short: true });
const port = integer(1, 65_535);
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

const http = {
  listen: optional(
    listenAddress,
    'HOST:PORT where a page, health and metrics are served, without a password; nowhere if absent.',
    { aliases: ['address', 'bind', 'port', 'host'] },
  ),
  token: optional(
    text({ min: 1 }),
    'Whoever knows it may pause, resume, cancel and retry on the page there; nobody if absent.',
    { aliases: ['password', 'secret'] },
  ),
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

const processor = {
  module: optional(text({ min: 1 }), 'PATH[:EXPORT] of the function that makes the runners; required.', {
    verbatim: true,
  }),
};

/**
 * Every key of every section. Two things are not in it: `env.NAME` in a runner (a variable of its jobs' environment),
 * and a runner's own settings, which are all the other keys there.
 */
export const schema = { rbit, include, amqp, http, queue, runner: runnerKeys, processor } as const;

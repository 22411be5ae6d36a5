import { isIPv6 } from 'node:net';
import { parseAmqpUrl, STANDARD_PORTS } from './amqp-url.ts';
import type { AmqpConfig, AmqpUrl } from './config.ts';
import type { Entry, Section } from './ini.ts';
import { linesOf } from './lines.ts';
import { DEFAULT } from './merge.ts';
import { placeOf, type Report } from './report.ts';
import type { ValuesOf } from './key.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';
import type { Secrets } from './secrets.ts';

type Values = ValuesOf<typeof schema.amqp>;

const PARTS = ['host', 'port', 'user', 'password', 'virtual_host'] as const;
const TLS_KEYS = ['ca-file', 'cert-file', 'key-file', 'servername'] as const;

/** Reads `[amqp]`. Passwords join the secrets, except for `guest`, which everybody knows. */
export function readAmqp(section: Section, reading: Reading, secrets: Secrets): AmqpConfig {
  const { values } = readStrictly(section, schema.amqp, reading);
  const url = section.entries.get('url');
  const urls =
    url === undefined
      ? [urlOfParts(section, values, reading.report)]
      : readUrls(url, values, reading.report, secrets);
  for (const { password } of [values, ...urls]) if (password !== 'guest') secrets.add(password);
  if (url !== undefined) refuseParts(section, url, reading.report);
  checkTls(section, values, urls, reading.report);
  return {
    urls,
    ca: values['ca-file'],
    cert: values['cert-file'],
    key: values['key-file'],
    servername: values.servername,
    heartbeatMs: values.heartbeat,
    connectTimeoutMs: values['connect-timeout'],
    reconnectMaxDelayMs: values['reconnect-max-delay'],
    exchange: values.exchange === '' ? undefined : values.exchange,
    declare: values.declare,
    queueType: values['queue-type'],
  };
}

function urlOfParts(section: Section, values: Values, report: Report): AmqpUrl {
  const complain = (key: string, message: string, fix: string): void => {
    const entry = section.entries.get(key);
    if (entry !== undefined) report.problem({ ...placeOf(entry), message, fix });
  };
  if (/[\s/@[\]]/.test(values.host) || (values.host.includes(':') && !isIPv6(values.host)))
    complain('host', 'not the name or address of a host', 'a port goes into port, a URL into url');
  const [user, password] = [section.entries.has('user'), section.entries.has('password')];
  if (user && !password) complain('user', 'there is no password for it', 'add password');
  if (password && !user) complain('password', 'there is no user for it', 'add user');

  const protocol = values.ssl === true ? 'amqps' : 'amqp';
  return {
    protocol,
    hostname: values.host,
    port: values.port ?? STANDARD_PORTS[protocol],
    user: values.user,
    password: values.password,
    vhost: values.virtual_host,
  };
}

function readUrls(entry: Entry, values: Values, report: Report, secrets: Secrets): AmqpUrl[] {
  const urls: AmqpUrl[] = [];
  // Undefined when the value could not be filled in, which has been said.
  if (values.url === undefined) return urls;
  for (const { text, line } of linesOf(entry, values.url)) {
    for (const written of text.split(/\s+/).filter((word) => word !== '')) {
      // As written too, and of a bad URL as well: other texts may repeat it.
      const [, password] = /^[^:/]*:\/\/[^:@/]*:(.*)@/.exec(written) ?? [];
      if (password !== undefined && password !== 'guest') secrets.add(password);
      const parsed = parseAmqpUrl(written);
      if (parsed.ok) urls.push(parsed.value);
      else report.problem({ ...placeOf(entry), line, message: parsed.message, fix: parsed.fix });
    }
  }
  return urls;
}

function refuseParts(section: Section, url: Entry, report: Report): void {
  for (const key of PARTS) {
    const entry = section.entries.get(key);
    // What [DEFAULT] says may be meant for runners.
    if (entry === undefined || entry.section === DEFAULT) continue;
    report.problem({
      ...placeOf(entry),
      message: `url (line ${url.line}) says this already`,
      fix: `remove ${key} or url`,
    });
  }
}

function checkTls(section: Section, values: Values, urls: readonly AmqpUrl[], report: Report): void {
  const complain = (key: string, message: string, fix: string): void => {
    const entry = section.entries.get(key);
    if (entry !== undefined) report.problem({ ...placeOf(entry), message, fix });
  };
  if (urls.length > 0) {
    const tls = urls.filter(({ protocol }) => protocol === 'amqps').length;
    if (values.ssl === true && tls < urls.length)
      complain('ssl', 'a url says amqp://', 'write amqps://, and no ssl');
    if (values.ssl === false && tls > 0) complain('ssl', 'a url says amqps://', 'remove ssl');
    if (tls === 0)
      for (const key of TLS_KEYS)
        complain(key, 'means nothing without TLS', 'add ssl = yes, or write amqps:// in url');
  }
  const has = (key: string): boolean => section.entries.has(key);
  if (has('cert-file') && !has('key-file'))
    complain('cert-file', 'a certificate needs its key', 'add key-file');
  if (has('key-file') && !has('cert-file'))
    complain('key-file', 'a key needs its certificate', 'add cert-file');
}

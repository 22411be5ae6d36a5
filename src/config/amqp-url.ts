import type { AmqpUrl } from './config.ts';
import { type Parsed, problem, valid } from './values.ts';

export const STANDARD_PORTS = { amqp: 5672, amqps: 5671 } as const;

const SHAPE = 'write amqp://USER:PASSWORD@HOST:PORT/VHOST';
const ENCODING = 'in a URL, write @ : / % # ? of a name or password as %40 %3A %2F %25 %23 %3F';

/** Reads an amqp:// or amqps:// URL. What it says about a bad one never quotes it: any part of it could be the password. */
export function parseAmqpUrl(written: string): Parsed<AmqpUrl> {
  const [, protocol] = /^(amqps?):\/\//.exec(written) ?? [];
  if (protocol !== 'amqp' && protocol !== 'amqps') return problem('not an amqp:// or amqps:// URL', SHAPE);
  if (/[?#]/.test(written))
    return problem('has options after "?" or "#"', `use the keys of [amqp]; ${ENCODING}`);
  if ((written.match(/@/g) ?? []).length > 1) return problem('has more than one "@"', ENCODING);

  const portText = /:(\d+)(?:\/[^@]*)?$/.exec(written)?.[1];
  const port = portText === undefined ? STANDARD_PORTS[protocol] : Number(portText);
  if (port < 1 || port > 65_535) return problem('its port is out of range', '1 to 65535');

  const url = URL.parse(written);
  if (url === null) return problem('not a URL', `${SHAPE}; ${ENCODING}`);
  if (url.hostname === '') return problem('names no host', SHAPE);
  if (url.pathname.slice(1).includes('/')) return problem('has more than one "/" after the host', ENCODING);
  try {
    const login = url.username === '' && url.password === '';
    return valid({
      protocol,
      hostname: decodeURIComponent(url.hostname.replace(/^\[|\]$/g, '')),
      port,
      user: login ? 'guest' : decodeURIComponent(url.username),
      password: login ? 'guest' : decodeURIComponent(url.password),
      vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
    });
  } catch {
    return problem('has a "%" that is no percent-encoding', ENCODING);
  }
}

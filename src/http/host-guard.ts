import { isIP } from 'node:net';

/**
 * Whether a request was meant for this daemon, by its Host header: an address, `localhost`, or the host that is listened
 * on. Any other name may be one that somebody has pointed here, so that his page in a visitor's browser could read this one.
 */
export function isOwnHost(header: string | undefined, listenHost: string): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(header ?? '') ?? [];
  const host = (bracketed ?? plain ?? '').toLowerCase();
  return isIP(host) !== 0 || host === 'localhost' || (host !== '' && host === listenHost.toLowerCase());
}

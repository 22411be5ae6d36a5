import { isIPv6 } from 'node:net';
import type { ListenAddress } from './config.ts';
import { type Parsed, problem, type ValueType, valid } from './values.ts';

const TIP = 'try 127.0.0.1:9464';

/** `HOST:PORT`, an IPv6 address in brackets; port 0 is one that the system chooses. */
export const listenAddress: ValueType<ListenAddress> = {
  expects: 'an address to listen on',
  tip: TIP,
  parse(written) {
    if (/^\d+$/.test(written)) return problem('a port needs its host', `try 127.0.0.1:${written}`);
    const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^\s:/@[\]]*)):(\d{1,6})$/.exec(written) ?? [];
    if (digits === undefined) return notAnAddress(written);
    const host = bracketed ?? plain ?? '';
    if (host === '') return problem('a port needs its host', `try 127.0.0.1:${digits}`);
    if (host === '*') return problem('not the name or address of a host', 'for every address write 0.0.0.0');
    if (bracketed !== undefined && !isIPv6(bracketed))
      return problem('no IPv6 address in the brackets', 'try [::1]:9464');
    const port = Number(digits);
    return port > 65_535 ? problem('a port out of range', '0 to 65535') : valid({ host, port });
  },
};

function notAnAddress(written: string): Parsed<ListenAddress> {
  if (isIPv6(written)) return problem('an address without a port', `try [${written}]:9464`);
  const isUrl = /^https?:\/\//i.test(written);
  return problem(`not ${listenAddress.expects}`, isUrl ? 'write HOST:PORT, without http://' : TIP);
}

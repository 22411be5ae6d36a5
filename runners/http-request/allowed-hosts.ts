import { lookup as lookUp } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Blocked, Failed } from 'rbit-ts';
import { isYes, type Settings } from './settings.ts';

/**
 * Lets a URL through whose host is on the list, and says how its name is to be looked up: as usual where the very host is
 * on the list, since that was meant wherever it leads; else only to addresses that a stranger's name may lead to. Throws Failed, or Blocked without a list.
 */
export function allowUrl(url: URL, settings: Settings): { lookup?: LookupFunction } {
  const entries = (settings['allow'] ?? '').split(/[\s,]+/).filter(Boolean);
  if (entries.length === 0)
    throw new Blocked('the runner needs a setting allow, the hosts that a message may name');
  const fitting = entries.filter((entry) => covers(entry.toLowerCase(), url));
  if (fitting.length === 0) throw new Failed(`${url.host} is not on the list of hosts (the setting allow)`);
  if (fitting.some((entry) => !hostOf(entry).includes('*'))) return {};
  const literal = url.hostname.replaceAll(/^\[|\]$/g, '');
  if (isIP(literal) !== 0) refuseAddress(literal, settings);
  return { lookup: guardedLookup(settings) };
}

function covers(entry: string, { protocol, hostname, port }: URL): boolean {
  const usual = protocol === 'https:' ? '443' : '80';
  const wanted = /:(\d+|\*)$/.exec(entry)?.[1] ?? usual;
  const parts = hostOf(entry)
    .split('*')
    .map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const isPort = wanted === '*' || wanted === (port || usual);
  return isPort && new RegExp(`^${parts.join('.*')}$`).test(hostname);
}

function hostOf(entry: string): string {
  return entry.replace(/:(?:\d+|\*)$/, '');
}

/** This machine, its own network segment, many hosts at once; and what leads to IPv4 addresses in disguise. */
const HERE = listOf(
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
  ['64:ff9b::', 16],
  ['2002::', 16],
);
const PRIVATE = listOf(
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['198.18.0.0', 15],
  ['fc00::', 7],
);

function listOf(...networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks) {
    list.addSubnet(network, bits, isIP(network) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function refuseAddress(address: string, settings: Settings): void {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (HERE.check(address, family)) throw new Failed(`${address} is no address for a host that a * let in`);
  if (PRIVATE.check(address, family) && !isYes(settings['private-addresses'])) {
    throw new Failed(`${address} is a private address (the setting private-addresses)`);
  }
}

/** Looks at the very addresses that are connected to: a name may lead elsewhere the next time. */
function guardedLookup(settings: Settings): LookupFunction {
  return (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) return callback(error ?? new Error('no address'), []);
      try {
        for (const { address } of addresses) refuseAddress(address, settings);
      } catch (refusal) {
        return callback(refusal as Error, []);
      }
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };
}

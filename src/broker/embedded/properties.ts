import type { MessageProperties } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';

/*
 * Properties are kept as JSON, so that anybody with a SQLite shell can read them. What JSON has no word for is
 * written as AMQP libraries do, as a table with `!`: bytes become {"!": "bytes", "value": base64}.
 */

/** A message's properties, and the exchange by which it came ('': the default one). */
export interface DecodedProperties {
  readonly exchange: string;
  readonly properties: MessageProperties;
}

/** The text of a message's properties. Throws BrokerError 'unencodable' for what could not be read back the same. */
export function encodeProperties(properties: Partial<MessageProperties>, exchange = ''): string {
  try {
    const origin = exchange === '' ? {} : { exchange };
    return JSON.stringify({ headers: {}, ...properties, ...origin }, encodeValue);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BrokerError('unencodable', `its properties cannot be written down: ${reason}`, {
      cause: error,
    });
  }
}

/** What `encodeProperties` wrote. */
export function decodeProperties(text: string): DecodedProperties {
  // Looking at every value takes longer than parsing, and hardly any message has bytes in its headers.
  const hasBytes = text.includes('"!":"bytes"');
  const { exchange = '', ...properties } = JSON.parse(text, hasBytes ? decodeValue : undefined) as Written;
  return { exchange, properties };
}

type Written = MessageProperties & { readonly exchange?: string };

function encodeValue(this: unknown, key: string, value: unknown): unknown {
  // `value` has been through toJSON already, which turns bytes into lists and dates into texts.
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array)
    return { '!': 'bytes', value: Buffer.from(original).toString('base64') };
  const isLossy = typeof original === 'number' ? !Number.isFinite(original) : original instanceof Date;
  if (
    isLossy ||
    typeof original === 'bigint' ||
    typeof original === 'function' ||
    typeof original === 'symbol'
  )
    throw new TypeError(`${key} holds what has no place in a header`);
  return value;
}

function decodeValue(_key: string, value: unknown): unknown {
  const { '!': type, value: base64 } = Object(value) as { '!'?: unknown; value?: unknown };
  return type === 'bytes' && typeof base64 === 'string' ? Buffer.from(base64, 'base64') : value;
}

import { StringDecoder } from 'node:string_decoder';

const LIMIT_BYTES = 8 * 1024;

/** A message as text, cut at 8 KiB with ` …`: a reply and a log line are no place for more. */
export function shorten(message: unknown): string {
  const text = String(message);
  if (text.length * 3 <= LIMIT_BYTES) return text;
  // A character has a byte at least.
  const bytes = Buffer.from(text.slice(0, LIMIT_BYTES + 1));
  if (bytes.length <= LIMIT_BYTES) return text;
  // A decoder keeps back a character that the cut has halved.
  return `${new StringDecoder('utf8').write(bytes.subarray(0, LIMIT_BYTES))} …`;
}

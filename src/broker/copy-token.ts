import { randomUUID } from 'node:crypto';
import type { Message } from './broker.ts';

/** Header for the token of a copy: where a connection goes between copy and confirm, there may be two of it. */
export const COPY_HEADER = 'x-rbit-copy';

const TOKEN = /^[\w-]{12,36}$/;

/** A token that no other copy has. */
export function newCopyToken(): string {
  return randomUUID();
}

/** The token of a message that was published as a copy. Anybody may send such a header, so anything but a plausible one counts as none. */
export function copyTokenOf({ properties: { headers } }: Message): string | undefined {
  const token = headers[COPY_HEADER];
  return typeof token === 'string' && TOKEN.test(token) ? token : undefined;
}

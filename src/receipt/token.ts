import type { Message } from '../broker/broker.ts';

/**
 * Name of the header by which a job is found in the file, and the final reply that it came to: its text is the reply
 * id of the message's record.
 */
export const TOKEN = 'receipt-token';

/** The token of a message of the file. */
export function tokenOf({ properties }: Message): string | undefined {
  const token = properties.headers[TOKEN];
  return typeof token === 'string' ? token : undefined;
}

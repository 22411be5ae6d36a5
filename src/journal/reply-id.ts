import { hash, randomFillSync } from 'node:crypto';
import type { MessagePrint } from './message-print.ts';

/*
 * Message ids of replies: 72 bits in 12 characters, which is enough to tell a copy of a reply from another reply. RabbitMQ takes
 * longer for each byte of a message's properties.
 */

const LENGTH = 12;
const BYTES = 9;
const bytes = Buffer.alloc(100 * BYTES);
let next = bytes.length;

/** The id of a reply that is no other's. Random numbers are made many at a time: one of them takes as long. */
export function newReplyId(): string {
  if (next === bytes.length) {
    randomFillSync(bytes);
    next = 0;
  }
  next += BYTES;
  return bytes.toString('base64url', next - BYTES, next);
}

/**
 * Of the final reply: equal for equal messages that can be told from all others, and for all copies of one that has an id;
 * otherwise new, since two equal messages are two jobs.
 */
export function finalReplyId({ identity, print, origin = print }: MessagePrint): string {
  if (identity !== 'copy' && identity !== 'message') return newReplyId();
  return hash('sha256', `final reply ${origin}`, 'base64url').slice(0, LENGTH);
}

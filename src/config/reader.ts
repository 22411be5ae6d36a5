import type { Problem } from './problem.ts';

/** For whom a configuration is read: who works jobs, or who only looks at queues and puts something on them. */
export type Reader = 'daemon' | 'client';

/** Keys of a runner by which its queue is made. */
const MAKES_QUEUES = new Set(['ack', 'timeout', 'kill-grace']);

/** Whether a problem is one to this reader: what only a machine that works jobs has is missing nowhere else. */
export function concerns(reader: Reader, { isOfMachine, section = '', key = '' }: Problem): boolean {
  if (reader === 'daemon' || isOfMachine !== true) return true;
  if (section.startsWith('runner:')) return MAKES_QUEUES.has(key);
  return key !== 'cwd' && section !== 'http' && !section.startsWith('processor:');
}

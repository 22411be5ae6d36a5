import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from '../../test/support/python.ts';
import { startChild } from '../child.ts';
import type { StartWorker } from './drain.ts';

const programOf = (name: string): string => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

export const BARE_AMQPLIB = 'bare amqplib';

/** The ceiling: a worker written by hand. */
export const startAmqplib: StartWorker = (_stage, { url, queue, atOnce }) =>
  startChild(process.execPath, [programOf('amqplib-worker.mjs'), url, queue, String(atOnce)]);

/** The ceilings of workers that promise what rbit-ts does, by where they run their jobs. */
export const JOURNALLED = {
  here: 'amqplib + journal',
  threads: 'amqplib + journal + threads',
  coprocesses: 'amqplib + journal + coprocesses',
} as const;

/** A worker written by hand that keeps a journal. */
export function journalled(way: keyof typeof JOURNALLED): StartWorker {
  // Now, since to look for it takes longer than a start.
  const python = way === 'coprocesses' ? [findPython()] : [];
  return (_stage, { url, queue, atOnce, folder }) =>
    startChild(process.execPath, [
      programOf('journalled-worker.mjs'),
      url,
      queue,
      String(atOnce),
      join(folder, 'bare-journal.sqlite'),
      way,
      ...python,
    ]);
}

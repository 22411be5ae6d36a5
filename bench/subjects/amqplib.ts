import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import type { StartWorker } from './drain.ts';

const PROGRAM = fileURLToPath(new URL('../programs/amqplib-worker.mjs', import.meta.url));

export const BARE_AMQPLIB = 'bare amqplib';

/** The ceiling: a worker written by hand. */
export const startAmqplib: StartWorker = (_stage, { url, queue, atOnce }) =>
  startChild(process.execPath, [PROGRAM, url, queue, String(atOnce)]);

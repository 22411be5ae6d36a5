import { primaryCode } from '../../sqlite/database-error.ts';
import { BrokerError } from '../broker.ts';
import type { Changes, Tables } from './tables.ts';

/** How many steps go into one transaction. */
export const MOST_STEPS = 1_000;
const MOST_BYTES = 32 * 1024 * 1024;
/** Too big, against a rule, of another type, out of range: the step's own fault, today and tomorrow. */
const FAULTS_OF_A_STEP = [18, 19, 20, 25];

/** One thing to do in the next transaction. */
export interface Step<T> {
  readonly work: (tables: Tables, changes: Changes) => T;
  /** How much it writes, roughly. */
  readonly bytes?: number;
  /** False: a power cut may undo it without harm, so it need not wait for the disk. */
  readonly mustLast: boolean;
}

/** A step, and whoever waits for it. */
export interface WaitingStep {
  readonly step: Step<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A step's own fault rejects its promise; any other error is the transaction's. */
export function attempt(
  { step, resolve, reject }: WaitingStep,
  tables: Tables,
  changes: Changes,
): () => void {
  try {
    const result = step.work(tables, changes);
    return () => resolve(result);
  } catch (error) {
    const code = primaryCode(error);
    if (code !== undefined && !FAULTS_OF_A_STEP.includes(code)) throw error;
    return () => reject(code === undefined ? error : new BrokerError('refused', (error as Error).message));
  }
}

/** How many of those that wait make up the next transaction. */
export function batchLength(waiting: readonly WaitingStep[]): number {
  let bytes = 0;
  const end = waiting.findIndex(({ step }, index) => {
    if (index > 0 && (index >= MOST_STEPS || bytes > MOST_BYTES)) return true;
    bytes += step.bytes ?? 0;
    return false;
  });
  return end === -1 ? waiting.length : end;
}

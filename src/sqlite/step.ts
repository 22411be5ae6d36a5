import { primaryCode } from './database-error.ts';

/** How many steps go into one transaction. */
export const MOST_STEPS = 1_000;
const MOST_BYTES = 32 * 1024 * 1024;
/** Too big, against a rule, of another type, out of range: the step's own fault, today and tomorrow. */
const FAULTS_OF_A_STEP = [18, 19, 20, 25];

/** One thing to do in the next transaction. */
export interface Step<T, Tables, Changes> {
  readonly work: (tables: Tables, changes: Changes) => T;
  /** How much it writes, roughly. */
  readonly bytes?: number;
  /** False: a power cut may undo it without harm, so it need not wait for the disk. */
  readonly mustLast: boolean;
}

/** A step, and whoever waits for it. */
export interface WaitingStep<Tables, Changes> {
  readonly step: Step<unknown, Tables, Changes>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const nothing = (): void => {};

/** Nobody waits for it. */
export const UNHEARD: Pick<WaitingStep<never, never>, 'resolve' | 'reject'> = {
  resolve: nothing,
  reject: nothing,
};

/** A step's own fault rejects its promise; any other error is the transaction's. */
export function attempt<Tables, Changes>(
  { step, resolve, reject }: WaitingStep<Tables, Changes>,
  tables: Tables,
  changes: Changes,
  errorOf: (kind: 'refused', message: string) => Error,
): () => void {
  try {
    const result = step.work(tables, changes);
    return () => resolve(result);
  } catch (error) {
    const code = primaryCode(error);
    if (code !== undefined && !FAULTS_OF_A_STEP.includes(code)) throw error;
    return () => reject(code === undefined ? error : errorOf('refused', (error as Error).message));
  }
}

/** How many of those that wait make up the next transaction. */
export function batchLength(waiting: readonly WaitingStep<never, never>[]): number {
  let bytes = 0;
  const end = waiting.findIndex(({ step }, index) => {
    if (index > 0 && (index >= MOST_STEPS || bytes > MOST_BYTES)) return true;
    bytes += step.bytes ?? 0;
    return false;
  });
  return end === -1 ? waiting.length : end;
}

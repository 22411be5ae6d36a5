import { type Account, drawUp } from './account.ts';
import type { Evidence, SubmittedJob } from './evidence.ts';
import type { FaultRecord } from './faults.ts';
import type { Run } from './ledger.ts';
import type { HeardReply } from './requester.ts';

/** A job that completes at once. */
export const JOB: SubmittedJob = { key: 'job-1', queue: 'own.module', kind: 'done', tries: 0, isSure: true };
const NOTHING: Evidence = {
  jobs: [],
  releases: [],
  replies: [],
  runs: [],
  faults: [],
  deadLetters: [],
  depths: new Map(),
  leftovers: [],
  troubles: [],
};
/** The row of answers that are explained by another run. */
export const AGAIN = 'answered again, after a run again on another host or one that a killed broker forgot';
/** When everything happens, so that times before it are not below zero. */
export const T = 1_000_000;

/** A reply to JOB. */
export function reply(status: string, changes: Partial<HeardReply> = {}): HeardReply {
  const messageId = status === 'started' ? 'm-started' : 'm-final';
  return { key: 'job-1', status, message: '', messageId, host: 'a', atMs: T + 1000, ...changes };
}

/** A run of JOB, one second long. */
export function run(changes: Partial<Run> = {}): Run {
  const times = { beganMs: T, endedMs: T + 1000 };
  return {
    key: 'job-1',
    attempt: 1,
    host: 'a',
    run: '1',
    ...times,
    how: 'done',
    overlapped: false,
    ...changes,
  };
}

/** A fault of half a second, of host a or of the broker. */
export function fault(
  kind: FaultRecord['kind'],
  fromMs: number,
  changes: Partial<FaultRecord> = {},
): FaultRecord {
  return {
    kind,
    host: kind.startsWith('broker') ? 'broker' : 'a',
    detail: '',
    fromMs,
    toMs: fromMs + 500,
    ...changes,
  };
}

/** What is heard of JOB when all goes well. */
export const started = reply('started', { atMs: T });
export const completed = reply('completed');

/** The account of one job that went well, but for what is changed. */
export function accountOf(changes: Partial<Evidence> = {}): Account {
  return drawUp({ ...NOTHING, jobs: [JOB], replies: [started, completed], runs: [run()], ...changes });
}

/** The number in the row with this text. */
export function numberOf(account: Account, text: string): number | undefined {
  return account.rows.find((row) => row.text.trim() === text)?.number;
}

/** The texts of the rows whose number ought to be another one. */
export function wrongsOf({ rows }: Account): string[] {
  return rows.filter(({ isWrong }) => isWrong === true).map(({ text }) => text.trim());
}

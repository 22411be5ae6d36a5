import { OutputTail } from './output-tail.ts';
import type { RunRecord } from './job-records.ts';

/** Names runs in links: a link to a run of a process that has gone leads nowhere, not to another run. */
export interface RunKeys {
  readonly boot: string;
  keyOf(run: number): string;
  /** Undefined: of another process, or no key at all. */
  runOf(key: string): number | undefined;
}

/** A run that is over, as one line; times in milliseconds since 1970. */
export interface EndedRun {
  readonly key: string;
  readonly sequence: number;
  readonly id: string;
  readonly queue: string;
  readonly runner: string;
  readonly attempt: number;
  readonly outcome: string;
  /** False: the job runs again, or was answered before. */
  readonly isFinal: boolean;
  readonly endedAt: number;
  readonly ranMs: number | null;
  /** From its message in hand to the broker's last word. */
  readonly tookMs: number;
  readonly reason: string;
  /** What was told to the broker. */
  readonly disposal: string;
  /** Its message lies among the dead letters, as far as this process knows: it can be put back. */
  readonly isKept: boolean;
}

/** All that is known of a run. */
export interface RunDetails extends Partial<EndedRun> {
  readonly key: string;
  readonly id: string;
  readonly queue: string;
  readonly runner: string;
  readonly attempt: number;
  readonly begunAt: number | null;
  readonly detail?: string;
  readonly output: { readonly text: string; readonly dropped: number; readonly isGone: boolean };
}

type Mask = (text: string) => string;

/** Keys of this process. */
export function createRunKeys(boot = Date.now().toString(36)): RunKeys {
  return {
    boot,
    keyOf: (run) => `${boot}-${run}`,
    runOf(key) {
      const [, ofBoot, run] = /^([\da-z]+)-(\d{1,15})$/.exec(key) ?? [];
      return ofBoot === boot ? Number(run) : undefined;
    },
  };
}

/** Only for a run that has ended. */
export function endedRun(record: RunRecord, keys: RunKeys, mask: Mask): EndedRun {
  const { run, facts, end, ranMs } = record;
  if (end === undefined) throw new Error(`run ${run} has not ended`);
  return {
    key: keys.keyOf(run),
    sequence: end.sequence,
    id: mask(facts.id),
    queue: mask(facts.queue),
    runner: facts.runner,
    attempt: facts.attempt,
    outcome: end.outcome,
    isFinal: end.isFinal,
    endedAt: end.at,
    ranMs: ranMs ?? null,
    tookMs: end.durationMs,
    reason: mask(end.because),
    disposal: end.disposal,
    isKept: end.keptAt !== undefined && record.isRetried !== true,
  };
}

export function runDetails(record: RunRecord, keys: RunKeys, mask: Mask): RunDetails {
  const { run, facts, begunAt, end, output } = record;
  const text = output instanceof OutputTail ? output.text() : (output?.text ?? '');
  return {
    key: keys.keyOf(run),
    id: mask(facts.id),
    queue: mask(facts.queue),
    runner: facts.runner,
    attempt: facts.attempt,
    begunAt: begunAt ?? null,
    ...(end === undefined ? {} : endedRun(record, keys, mask)),
    ...(end?.detail === undefined ? {} : { detail: mask(end.detail) }),
    output: {
      text: mask(text),
      dropped: output?.dropped ?? 0,
      isGone: output !== undefined && 'isGone' in output,
    },
  };
}

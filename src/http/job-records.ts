import type { Announcer, RunFacts, WorkEvents } from '../job/events.ts';
import { copyOf, OutputTail } from './output-tail.ts';
import { Ring } from './ring.ts';

/*
 * The runs that are in hand, and the last that were, each with what it printed: for whoever looks at the page. What is
 * kept is bounded whatever the jobs do, and so is what one event costs.
 */

/** So many that completed are kept, and as many that did not: a busy queue must not push out the few that went wrong. */
export const MOST_ENDED = 200;
/** Characters of output that are kept of all runs together. */
export const MOST_OUTPUT = 8 * 1024 * 1024;
const LONGEST_REASON = 2_000;
const LONGEST_DETAIL = 8_000;

/** A run; its texts may show secrets. */
export interface RunRecord {
  /** Which of all runs of this process. */
  readonly run: number;
  readonly facts: RunFacts;
  /** When its run began, in milliseconds since 1970; undefined: it never did. */
  begunAt?: number;
  /** How long it ran alone. */
  ranMs?: number;
  output?: OutputTail | EndedOutput;
  end?: RunEnd;
  /** Its kept message was put back from the page. */
  isRetried?: true;
}

/** What is left of an output. */
export interface EndedOutput {
  readonly text: string;
  readonly dropped: number;
  readonly length: number;
  /** Newer runs needed the room. */
  readonly isGone?: true;
}

const GONE: EndedOutput = { text: '', dropped: 0, length: 0, isGone: true };

export interface RunEnd {
  /** Counts ends, from 1. */
  readonly sequence: number;
  readonly at: number;
  readonly outcome: WorkEvents['job:ended'][0]['outcome']['kind'];
  readonly isFinal: boolean;
  readonly durationMs: number;
  readonly because: string;
  readonly disposal: string;
  /** A stack, or the last lines of stderr. */
  readonly detail?: string;
  /** See `job:ended`. */
  readonly keptAt?: string;
}

export interface JobRecords {
  find(run: number): RunRecord | undefined;
  /** Those that ended after that sequence number, the newest first; 0: all that are kept. */
  ended(after: number): RunRecord[];
}

/** Records what is announced from now on. */
export function recordJobs(events: Announcer, now: () => number = Date.now): JobRecords {
  const known = new Map<number, RunRecord>();
  const completed = new Ring<RunRecord>(MOST_ENDED);
  const others = new Ring<RunRecord>(MOST_ENDED);
  /** Runs that are over and whose output is still there, the oldest first. */
  const withOutput = new Set<RunRecord>();
  let outputLength = 0;
  let sequence = 0;

  events.on('job:begun', (begun) => {
    const { run } = begun;
    if (run !== undefined) known.set(run, { run, facts: factsOf(begun), begunAt: now() });
  });

  events.on('job:output', ({ run, line }) => {
    const record = run === undefined ? undefined : known.get(run);
    if (record === undefined || record.end !== undefined) return;
    const tail = record.output instanceof OutputTail ? record.output : new OutputTail();
    record.output = tail;
    const before = tail.length;
    tail.push(line);
    outputLength += tail.length - before;
    if (outputLength > MOST_OUTPUT) makeRoom(tail);
  });

  events.on('job:ran', ({ run, durationMs }) => {
    const record = run === undefined ? undefined : known.get(run);
    if (record !== undefined) record.ranMs = durationMs;
  });

  events.on('job:ended', (ended) => {
    const { run, outcome } = ended;
    if (run === undefined) return;
    const record = known.get(run) ?? { run, facts: factsOf(ended) };
    sequence += 1;
    record.end = endOf(ended, sequence, now());
    if (record.output instanceof OutputTail) {
      const { dropped, length } = record.output;
      record.output = { text: record.output.text(), dropped, length };
      withOutput.add(record);
    }
    known.set(run, record);
    const gone = (outcome.kind === 'completed' ? completed : others).push(record);
    if (gone === undefined) return;
    known.delete(gone.run);
    letGo(gone);
  });

  /** The outputs of the oldest runs go first; where all that is left is of runs in hand, each keeps what it has. */
  function makeRoom(tail: OutputTail): void {
    for (const oldest of withOutput) {
      letGo(oldest);
      if (outputLength <= MOST_OUTPUT) return;
    }
    const before = tail.length;
    while (outputLength - (before - tail.length) > MOST_OUTPUT && tail.dropFirst());
    outputLength -= before - tail.length;
  }

  function letGo(record: RunRecord): void {
    if (!withOutput.delete(record) || record.output === undefined) return;
    outputLength -= record.output.length;
    record.output = GONE;
  }

  return {
    find: (run) => known.get(run),
    ended(after) {
      const newer: RunRecord[] = [];
      for (const ring of [completed, others]) {
        for (const record of ring) {
          if ((record.end?.sequence ?? 0) <= after) break;
          newer.push(record);
        }
      }
      return newer.sort((a, b) => (b.end?.sequence ?? 0) - (a.end?.sequence ?? 0));
    },
  };
}

function factsOf({ queue, runner, id, attempt }: RunFacts): RunFacts {
  return { queue, runner, id, attempt };
}

function endOf(ended: WorkEvents['job:ended'][0], sequence: number, at: number): RunEnd {
  const { outcome, isFinal, durationMs, because, disposal, keptAt } = ended;
  const detail = outcome.kind === 'failed' ? outcome.detail : undefined;
  return {
    sequence,
    at,
    outcome: outcome.kind,
    isFinal,
    durationMs,
    because: cut(because, LONGEST_REASON),
    disposal,
    ...(detail === undefined ? {} : { detail: cut(detail, LONGEST_DETAIL) }),
    ...(keptAt === undefined ? {} : { keptAt }),
  };
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${copyOf(text.slice(0, longest))} …`;
}

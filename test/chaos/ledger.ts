import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { HOSTS, type HostName } from './queues.ts';

/*
 * Jobs write a line when they begin and when they end, each with one write at the end of the file:
 *
 *   begin KEY ATTEMPT HOST RUN MILLISECONDS -
 *   overlap KEY ATTEMPT HOST RUN MILLISECONDS -         processes of an earlier run on this host still lived
 *   end KEY ATTEMPT HOST RUN MILLISECONDS HOW           done, failed, crashed, blocked, aborted
 *
 * A run that was killed has no end.
 */

/** One run of a job; times are milliseconds since 1970. */
export interface Run {
  readonly key: string;
  readonly attempt: number;
  readonly host: HostName;
  /** Its process, or process and number. */
  readonly run: string;
  readonly beganMs: number;
  endedMs: number | undefined;
  how: string | undefined;
  /** Processes of an earlier run on the same host were still there when it began. */
  overlapped: boolean;
}

/** Everything that ran, in the order in which it began. A line that is not understood is an error. */
export async function readLedger(file: string): Promise<Run[]> {
  return readLedgerLines(createInterface({ input: createReadStream(file, 'utf8') }));
}

/** `readLedger` of lines that are at hand. */
export async function readLedgerLines(lines: AsyncIterable<string> | Iterable<string>): Promise<Run[]> {
  const runs = new Map<string, Run>();
  const overlapping = new Set<string>();
  for await (const line of lines) {
    const [what = '', key = '', attempt = '', hostName = '', run = '', atMs = '', how = ''] = line.split(' ');
    const host = HOSTS.find((one) => one === hostName);
    if (host === undefined || how === '')
      throw new Error(`the ledger holds a line that nobody wrote: ${line}`);
    const name = `${host} ${run} ${key}`;
    switch (what) {
      case 'overlap':
        overlapping.add(name);
        break;
      case 'begin':
        runs.set(name, {
          key,
          attempt: Number(attempt),
          host,
          run,
          beganMs: Number(atMs),
          endedMs: undefined,
          how: undefined,
          overlapped: overlapping.has(name),
        });
        break;
      case 'end': {
        const begun = runs.get(name);
        if (begun === undefined) throw new Error(`a run ended that never began: ${line}`);
        begun.endedMs = Number(atMs);
        begun.how = how;
        break;
      }
      default:
        throw new Error(`the ledger holds a line that nobody wrote: ${line}`);
    }
  }
  return [...runs.values()].sort((one, other) => one.beganMs - other.beganMs);
}

import type { Expanded } from './expand.ts';
import type { ReadFile } from './include.ts';
import type { Entry } from './ini.ts';
import { linesOf } from './lines.ts';
import type { Problem } from './problem.ts';
import { placeOf, type Report } from './report.ts';
import { didYouMean } from './suggest.ts';

/** Where a queue is mapped. */
export interface Mapping {
  readonly runner: string;
  readonly line: number;
}

/** What is wrong with one mapping, in words that quote it. */
type Complaint = Pick<Problem, 'value' | 'message' | 'fix'>;

/**
 * The `queue-mappings` that count. An included file adds its own, since a runner that is dropped into a folder
 * brings its queue along; the next file that the user names overrides them all, as it does every key.
 */
export function mappingEntries(files: readonly ReadFile[]): Entry[] {
  let entries: Entry[] = [];
  for (const { ini, isIncluded } of files) {
    const entry = ini.sections.get('rbit')?.entries.get('queue-mappings');
    if (entry !== undefined) entries = isIncluded ? [...entries, entry] : [entry];
  }
  return entries;
}

/** Reads and checks `queue-mappings`: what it says, line by line, against the runners that there are. */
export class MappingsReader {
  private readonly entry: Entry;
  private readonly expanded: Expanded;
  private readonly report: Report;

  constructor(entry: Entry, expanded: Expanded, report: Report) {
    this.entry = entry;
    this.expanded = expanded;
    this.report = report;
  }

  /**
   * QUEUE:RUNNER pairs, separated by newlines or spaces, with or without spaces around the colon. Of two for the same
   * queue the last one counts.
   */
  read(): Map<string, Mapping> {
    const mappings = new Map<string, Mapping>();
    for (const { text, line } of linesOf(this.entry, this.expanded.text)) {
      for (const pair of text.replace(/\s*:\s*/g, ':').split(/\s+/)) {
        if (pair === '') continue;
        if (/^[;#]/.test(pair)) {
          const fix = 'move the comment to a line of its own';
          this.report.problem(this.at(line, { value: text, message: 'not QUEUE:RUNNER', fix }));
          break;
        }
        const [queue = '', runner = '', ...more] = pair.split(':');
        const wrong = whyNoMapping(queue, runner, pair.includes(':'), more.length > 0);
        if (wrong !== undefined) {
          this.report.problem(this.at(line, { value: pair, ...wrong }));
          continue;
        }
        const earlier = mappings.get(queue);
        if (earlier !== undefined) {
          const message = `queue ${queue} is mapped twice; this one counts, not ${queue}:${earlier.runner}`;
          this.report.warning(this.at(line, { value: pair, message, fix: 'remove one of them' }));
        }
        mappings.set(queue, { runner, line });
      }
    }
    return mappings;
  }

  /** Reports each mapping to a runner that is not among `names`. */
  checkRunners(mappings: ReadonlyMap<string, Mapping>, names: readonly string[]): void {
    for (const [queue, { runner, line }] of mappings) {
      if (names.includes(runner)) continue;
      const fix = didYouMean(runner, names, 'add that section');
      const message = `there is no [runner:${runner}]`;
      this.report.problem(this.at(line, { value: `${queue}:${runner}`, message, fix }));
    }
  }

  // Says nothing in particular about what was filled in: it may not be shown.
  private at(line: number, complaint: Complaint): Problem {
    const place = { ...placeOf(this.entry), line };
    if (!this.expanded.secret) return { ...place, ...complaint };
    return {
      ...place,
      message: 'not QUEUE:RUNNER, one each',
      fix: 'check what is filled in, and that the runners exist',
    };
  }
}

function whyNoMapping(
  queue: string,
  runner: string,
  colon: boolean,
  more: boolean,
): { message: string; fix: string } | undefined {
  if (!colon) return { message: 'a queue without a runner', fix: `write ${queue}:RUNNER` };
  if (more)
    return { message: 'more than one ":"', fix: 'neither name can have a ":" in it; write QUEUE:RUNNER' };
  if (queue === '')
    return { message: 'no queue before ":"', fix: `write QUEUE:${runner === '' ? 'RUNNER' : runner}` };
  if (runner === '') return { message: 'no runner after ":"', fix: `write ${queue}:RUNNER` };
  if (Buffer.byteLength(queue) > 255)
    return { message: 'a name longer than 255 bytes', fix: 'AMQP has no room for it' };
  return undefined;
}

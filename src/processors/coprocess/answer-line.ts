import { readObject } from '../report/statement.ts';
import { shorten } from '../report/shorten.ts';

type Words = Readonly<Record<string, unknown>>;

/** Whether a process takes jobs, or why not. */
export type Readiness = 'ready' | { readonly problem: string };

/** What a line on the answers' stream is. Without a run of ours it is no answer, however much it looks like one. */
export type AnswerLine =
  | { readonly kind: 'answer' | 'late'; readonly run: string; readonly object: Words }
  | { readonly kind: 'announcement'; readonly readiness: Readiness }
  | { readonly kind: 'stray' };

const STRAY: AnswerLine = { kind: 'stray' };
const REMEMBERED_RUNS = 100;

/** Tells the lines of one process apart, by the runs that it was given. */
export class AnswerLines {
  readonly #earlier = new Set<string>();
  #isAnnouncing: boolean;
  #current: string | undefined;

  constructor(announces: boolean) {
    this.#isAnnouncing = announces;
  }

  begin(run: string): void {
    this.#current = run;
    this.#isAnnouncing = false;
  }

  /** From now on what is said of the run is late. Of the last hundred it can be told. */
  end(): void {
    if (this.#current === undefined) return;
    this.#earlier.add(this.#current);
    this.#current = undefined;
    const [oldest] = this.#earlier;
    if (this.#earlier.size > REMEMBERED_RUNS && oldest !== undefined) this.#earlier.delete(oldest);
  }

  /** Never throws. */
  read(line: string): AnswerLine {
    if (!this.#mayConcernUs(line)) return STRAY;
    const found = readObject(line);
    if ('problem' in found) return STRAY;
    const { object } = found;
    const run = Object.hasOwn(object, 'run') ? object['run'] : undefined;
    if (run === undefined) return this.#readAnnouncement(object);
    if (typeof run !== 'string') return STRAY;
    if (run === this.#current) return { kind: 'answer', run, object };
    return this.#earlier.has(run) ? { kind: 'late', run, object } : STRAY;
  }

  /** What only looks like JSON is not read: a job may print much of that. */
  #mayConcernUs(line: string): boolean {
    return this.#isAnnouncing || line.includes('"run"');
  }

  #readAnnouncement({ ready, unavailable }: Words): AnswerLine {
    if (!this.#isAnnouncing) return STRAY;
    const problem = typeof unavailable === 'string' && unavailable !== '' ? shorten(unavailable) : undefined;
    if (problem === undefined && ready !== true) return STRAY;
    this.#isAnnouncing = false;
    return { kind: 'announcement', readiness: problem === undefined ? 'ready' : { problem } };
  }
}

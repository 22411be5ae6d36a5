import { setTimeout as delay } from 'node:timers/promises';
import { type Processes, send } from './end-processes.ts';
import type { LeftRun } from './left-runs.ts';
import {
  addDescendants,
  type ProcessEntry,
  type ProcessId,
  readEnvironment,
  readProcess,
  readProcessTable,
} from './process-table.ts';

/** A process that takes up another program cannot be told for a moment, longer where there is much to do. */
const SECOND_LOOK_MS = 50;

/**
 * The processes of runs whose daemon has gone:
 *
 *   - who carries the run's RBIT_RUN in its environment,
 *   - who is in the group or session of the run's head, as long as somebody there proves that the number is still its
 *     own: the head itself, by when it was started, or one who carries the RBIT_RUN,
 *   - the children of those, but for those of another run: a daemon that one of them is ends its runs itself.
 *
 * Never among them: the daemons that are to be spared, and their children of other runs.
 */
export class LeftProcesses implements Processes {
  readonly #runs: ReadonlyMap<string, LeftRun>;
  readonly #spare: readonly ProcessId[];
  readonly #known = new Map<number, string>();
  readonly #seen = new Map<number, { readonly startTime: string; readonly run: string }>();
  /** Groups that are proven to be of these runs, at the last look. */
  #groups = new Set<number>();

  constructor(runs: readonly LeftRun[], spare: readonly ProcessId[]) {
    this.#runs = new Map(runs.map((run) => [run.run, run]));
    this.#spare = spare;
  }

  /** As `find`, but looks twice, so that none is missed. To be called first. */
  async findAll(): Promise<ProcessEntry[]> {
    this.find();
    await delay(SECOND_LOOK_MS);
    return this.find();
  }

  find(): ProcessEntry[] {
    const all = readProcessTable();
    const spared = this.#findSpared(all);
    const table = all.filter((entry) => entry.pid > 1 && !entry.isZombie && !spared.includes(entry));
    for (const entry of table) {
      if (this.#isMarked(entry) || this.#isHead(entry)) this.#add(entry);
    }
    const numbers = this.#provenNumbers(table);
    for (const entry of table) {
      if (numbers.has(entry.group) || numbers.has(entry.session)) this.#add(entry);
    }
    addDescendants(table, this.#known, (entry) => this.#runOf(entry) !== '');
    // A group is not told as one while somebody is in it who is to be spared.
    this.#groups = new Set([...numbers].filter((number) => !spared.some(({ group }) => group === number)));
    return table.filter((entry) => this.#isKnown(entry));
  }

  /** Each process hears it once: a group as a whole, so that none slips through, the others one by one. */
  signal(signal: NodeJS.Signals): void {
    const found = this.find();
    for (const group of this.#groups) {
      if (found.some((entry) => entry.group === group)) send(-group, signal);
    }
    for (const { pid, group, startTime } of found) {
      if (!this.#groups.has(group) && readProcess(pid)?.startTime === startTime) send(pid, signal);
    }
  }

  /** With their children, but for those that they only have because others' parents are gone. */
  #findSpared(table: readonly ProcessEntry[]): readonly ProcessEntry[] {
    const spared = new Map(this.#spare.map(({ pid, startTime }) => [pid, startTime]));
    const isSpared = ({ pid, startTime }: ProcessEntry): boolean => spared.get(pid) === startTime;
    // A daemon that such a run has started passes its RBIT_RUN on to the children that are no runs, like mkfifo(1).
    const theirs = new Set(table.filter(isSpared).map((entry) => this.#runOf(entry)));
    addDescendants(
      table,
      spared,
      (entry) => !theirs.has(this.#runOf(entry)) && (this.#isMarked(entry) || this.#isHead(entry)),
    );
    return table.filter(isSpared);
  }

  /** The heads' numbers that a known process has as its group or session. */
  #provenNumbers(table: readonly ProcessEntry[]): ReadonlySet<number> {
    const known = table.filter((entry) => this.#isKnown(entry));
    const used = new Set(known.flatMap(({ group, session }) => [group, session]));
    const heads = [...this.#runs.values()].flatMap(({ head }) => (head === undefined ? [] : [head.pid]));
    return new Set(heads.filter((number) => used.has(number)));
  }

  #add({ pid, startTime }: ProcessEntry): void {
    this.#known.set(pid, startTime);
  }

  #isKnown({ pid, startTime }: ProcessEntry): boolean {
    return this.#known.get(pid) === startTime;
  }

  #isMarked(entry: ProcessEntry): boolean {
    return this.#runs.has(this.#runOf(entry));
  }

  #isHead({ pid, startTime }: ProcessEntry): boolean {
    return [...this.#runs.values()].some(({ head }) => head?.pid === pid && head.startTime === startTime);
  }

  /** The RBIT_RUN of a process, '' if it has none. One that cannot be read now is asked for again at the next look. */
  #runOf({ pid, startTime }: ProcessEntry): string {
    const seen = this.#seen.get(pid);
    if (seen?.startTime === startTime) return seen.run;
    const environment = readEnvironment(pid);
    const run = environment?.get('RBIT_RUN') ?? '';
    if (environment !== undefined) this.#seen.set(pid, { startTime, run });
    return run;
  }
}

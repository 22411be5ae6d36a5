import { endProcesses, type Processes, send } from './end-processes.ts';
import type { Held } from '../limits/held.ts';
import { addDescendants, type ProcessEntry, readProcessTable, wasStartedWith } from './process-table.ts';

/** Those who fork faster than that are ended one by one. */
const MOST_LOOKS = 5;

/** The processes of one run. */
export interface Tree {
  /**
   * The child that was started: its number is also its group's and its session's. Without it (what a thread has
   * started has no head) only the marker and being a child of a marked process tell who is meant.
   */
  readonly pid?: number;
  /** `NAME=value` in the environment of every process of this run and of no other. */
  readonly marker: string;
  readonly killGraceMs: number;
  /** What keeps together all of them, those who have escaped too, where there is such a thing. */
  readonly held?: Held | undefined;
  /** False: only what is left in the group and the session. True: what has left them, too. Asked again at each look. */
  readonly includesEscaped: () => boolean;
}

/**
 * Ends a tree of processes: TERM, `killGraceMs`, KILL. True when nothing of it is left.
 *
 * A stranger cannot be meant: a number stays taken as long as a group or a session has it, the first look comes at
 * once after the child's end, and single processes are told apart by when they started.
 */
export function stopTree(tree: Tree): Promise<boolean> {
  return endProcesses(new Members(tree), tree.killGraceMs);
}

class Members implements Processes {
  readonly #tree: Tree;
  readonly #known = new Map<number, string>();
  readonly #strangers = new Map<number, string>();
  /** Once seen gone, the number of group and session may come to belong to a stranger. */
  #isGroupOver = false;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Who is alive now. Costs a look at the whole process table, except when the group is gone and nothing else counts. */
  find(): readonly unknown[] {
    const found = this.#look();
    // Those who come and go too fast for the table are still there.
    return found.length > 0 || !this.#tree.includesEscaped() ? found : (this.#tree.held?.find() ?? []);
  }

  #look(): Array<Pick<ProcessEntry, 'pid' | 'group'>> {
    const { pid, includesEscaped } = this.#tree;
    const everything = includesEscaped();
    const hasGroup = pid !== undefined && groupExists(pid);
    this.#isGroupOver ||= !hasGroup && !everything;
    if (this.#isGroupOver && !everything) return [];
    const table = readProcessTable();
    if (table.length === 0) return hasGroup ? [{ pid, group: pid }] : [];
    const held = new Set(everything ? this.#tree.held?.find() : []);
    this.#isGroupOver ||= !table.some((entry) => this.#isInside(entry));
    for (const entry of table) {
      if (held.has(entry.pid) || this.#belongs(entry, everything))
        this.#known.set(entry.pid, entry.startTime);
    }
    // Those who left the session and emptied their environment, but still have a parent of ours.
    if (everything) addDescendants(table, this.#known);
    return table.filter((entry) => !entry.isZombie && this.#known.get(entry.pid) === entry.startTime);
  }

  /** Each process hears it once: the group as a whole, so that none slips through, the others one by one. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' && this.#tree.includesEscaped()) this.#freeze();
    this.#tell(this.#look(), signal);
  }

  /**
   * Stops them all, until a look finds nobody new. A child that is forked between the look and the end of its parent would
   * be nobody's child, and that it is one may be all by which it is known.
   */
  #freeze(): void {
    this.#tree.held?.kill();
    let known = -1;
    for (let look = 0; look < MOST_LOOKS && known !== this.#known.size; look++) {
      known = this.#known.size;
      this.#tell(this.#look(), 'SIGSTOP');
    }
  }

  #tell(found: ReadonlyArray<Pick<ProcessEntry, 'pid' | 'group'>>, signal: NodeJS.Signals): void {
    const { pid } = this.#tree;
    if (pid !== undefined && found.some(({ group }) => group === pid)) send(-pid, signal);
    for (const member of found) {
      if (member.group !== pid) send(member.pid, signal);
    }
  }

  #isInside({ group, session }: ProcessEntry): boolean {
    return !this.#isGroupOver && (group === this.#tree.pid || session === this.#tree.pid);
  }

  #belongs(entry: ProcessEntry, everything: boolean): boolean {
    if (this.#isInside(entry)) return true;
    if (!everything || entry.isZombie || this.#strangers.get(entry.pid) === entry.startTime) return false;
    const isMarked = wasStartedWith(entry.pid, this.#tree.marker);
    if (isMarked === false) this.#strangers.set(entry.pid, entry.startTime);
    return isMarked === true;
  }
}

function groupExists(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

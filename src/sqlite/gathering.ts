/** A step, and one that nobody waits for: that is one job, for which a turn is only a delay. */
const FEW = 2;
/** Nothing waits for company for more turns of the loop than this. */
const MOST_TURNS = 2;
/** So many are worth a transaction of their own. */
const ENOUGH = 64;
/** What nobody waits for waits so long for something that somebody waits for, and then begins a transaction itself. */
const LATER_MS = 50;

/**
 * Says when what waits becomes a transaction: at the end of the turn of the loop in which it came; but where more than a few
 * wait, when a turn has brought no more of them, or there are many, or two turns are over. Answers of processes and threads
 * come a few in each turn, and a transaction for each few of them costs more than the turns do.
 */
export class Gathering {
  readonly #count: () => number;
  readonly #begin: () => void;
  #turn: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;
  #turnsLeft = 0;
  #before = 0;

  /** `count`: how many wait. `begin`: takes them. */
  constructor(count: () => number, begin: () => void) {
    this.#count = count;
    this.#begin = begin;
  }

  /** Something waits. */
  start(): void {
    if (this.#turn !== undefined) return;
    this.#turnsLeft = MOST_TURNS;
    this.#before = FEW;
    this.#turn = setImmediate(() => this.#look());
  }

  /** Something waits, and nobody for it. */
  startLater(): void {
    this.#later ??= setTimeout(() => this.start(), LATER_MS).unref();
  }

  stop(): void {
    clearImmediate(this.#turn);
    clearTimeout(this.#later);
    [this.#turn, this.#later] = [undefined, undefined];
  }

  #look(): void {
    this.#turn = undefined;
    const count = this.#count();
    if (count <= this.#before || count >= ENOUGH || this.#turnsLeft === 0) return this.#begin();
    this.#turnsLeft -= 1;
    this.#before = count;
    this.#turn = setImmediate(() => this.#look());
  }
}

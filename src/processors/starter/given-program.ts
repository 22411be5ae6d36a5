import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { readWhole, streamOf } from '../child/pipe.ts';
import type { BriefChild, Child, ChildEnd, ChildExit, Lost, NotStarted } from '../child/start.ts';

/** What becomes of a program that was to be started. */
export type Begun = Child | BriefChild | NotStarted | Lost;

/** Our ends of a program's streams, as descriptors. */
export interface Ends {
  readonly stdout: number;
  readonly stderr: number;
}

/** A program that was given to a starter, and what is heard of it. Only of one that is not brief the ends become streams. */
export class GivenProgram {
  readonly #file: string;
  readonly #ends: Ends;
  readonly #begun = Promise.withResolvers<Begun>();
  readonly #exit = Promise.withResolvers<ChildEnd>();
  #pid: number | undefined;

  constructor(file: string, ends: Ends) {
    this.#file = file;
    this.#ends = ends;
  }

  /** Known as soon as it is heard that it runs. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Never rejects. */
  get begun(): Promise<Begun> {
    return this.#begun.promise;
  }

  hearStarted(pid: number, said: { readonly stdout?: Buffer; readonly stderr?: Buffer } = {}): void {
    this.#pid = pid;
    const { stdout, stderr } = this.#ends;
    this.#begun.resolve({
      pid,
      stdout: streamOf(stdout, said.stdout),
      stderr: streamOf(stderr, said.stderr),
      exit: this.#exit.promise,
    });
  }

  hearFailed(errno: number): void {
    this.#closeEnds();
    const code = getSystemErrorName(-errno);
    this.#begun.resolve({ kind: 'not-started', code, message: `spawn ${this.#file} ${code}` });
  }

  hearEnded(pid: number, exit: ChildExit): void {
    if (this.#pid === undefined) this.#hearBrief(pid, exit);
    this.#exit.resolve(exit);
  }

  /** The starter has ended. */
  lose(): void {
    const lost: Lost = { kind: 'lost', reason: 'the process that had started it was ended' };
    if (this.#pid === undefined) {
      this.#closeEnds();
      this.#begun.resolve(lost);
    }
    this.#exit.resolve(lost);
  }

  #hearBrief(pid: number, exit: ChildExit): void {
    const stdout = readWhole(this.#ends.stdout);
    const stderr = readWhole(this.#ends.stderr);
    // Somebody of it may live on.
    const isOver = exit.isAlone === true && stdout.isWhole && stderr.isWhole;
    if (!isOver) return this.hearStarted(pid, { stdout: stdout.bytes, stderr: stderr.bytes });
    this.#closeEnds();
    this.#begun.resolve({ exit, stdout: stdout.bytes, stderr: stderr.bytes });
  }

  #closeEnds(): void {
    closeSync(this.#ends.stdout);
    closeSync(this.#ends.stderr);
  }
}

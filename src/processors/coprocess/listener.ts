import type { Readable } from 'node:stream';
import { crashed, type Failure, failed } from '../../job/outcome.ts';
import { LastWords } from '../child/last-words.ts';
import { cutLine, LineSplitter } from '../child/lines.ts';
import type { Log } from '../options.ts';
import { LARGEST_DATA_BYTES } from '../report/data-limits.ts';
import { readLog } from './answer.ts';
import { AnswerLines, type Readiness } from './answer-line.ts';
import { BoundedLog } from './bounded-log.ts';
import type { CurrentRun } from './current-run.ts';

/** Of an answer: its data, and what is around that. */
const ANSWER_BYTES = LARGEST_DATA_BYTES + 64 * 1024;

/** What follows from what a process says. */
export interface Hearing {
  readonly onReadiness: (readiness: Readiness) => void;
  /** The run is over by what was said, and may have output to come that was written before. */
  readonly onAnswer: (run: CurrentRun, isRetiring: boolean) => void;
  /** The process cannot be listened to any longer; this is what that means for its job. */
  readonly onNonsense: (failure: Failure) => void;
}

/** Hears what one process says and prints, and hands it to the job that it has. Nothing of that can make this throw. */
export class Listener {
  readonly #hearing: Hearing;
  /** For what is said when there is no job whose output it could be. */
  readonly #log: BoundedLog;
  readonly #answers: AnswerLines;
  readonly #answerSplitter: LineSplitter;
  readonly #outputSplitters: LineSplitter[] = [];
  #words = new LastWords();
  #run: CurrentRun | undefined;

  constructor(
    hearing: Hearing,
    { announces, log }: { readonly announces: boolean; readonly log?: Log | undefined },
  ) {
    this.#hearing = hearing;
    this.#log = new BoundedLog(log);
    this.#answers = new AnswerLines(announces);
    this.#answerSplitter = new LineSplitter((line) => this.#hear(line), {
      objects: { lineBytes: ANSWER_BYTES, onTooLong: (start) => this.#rejectLine(start) },
    });
  }

  /** Listens to the stream of its answers, and to those of its output. */
  listen(answers: Readable, outputs: readonly Readable[]): void {
    this.#read(answers, this.#answerSplitter);
    for (const stream of outputs) {
      const lines = new LineSplitter((line) => this.#hearOutput(line));
      this.#outputSplitters.push(lines);
      this.#read(stream, lines);
    }
  }

  /** The job that it has now. */
  get run(): CurrentRun | undefined {
    return this.#run;
  }

  /** The last lines that it has printed in the job that it has, or since the last one. */
  get words(): readonly string[] {
    return this.#words.lines();
  }

  beginRun(run: CurrentRun): void {
    this.#run = run;
    this.#answers.begin(run.id);
    this.#log.reopen();
  }

  /** What comes from now on is no longer the job's; a line of output that lacks its end still is. */
  endRun(): void {
    for (const lines of this.#outputSplitters) lines.end();
    this.#answers.end();
    this.#run = undefined;
    this.#words = new LastWords();
  }

  /** Nothing more will come: what lacks its line end is a line, too. */
  close(): void {
    for (const lines of [this.#answerSplitter, ...this.#outputSplitters]) lines.end();
  }

  #read(stream: Readable, lines: LineSplitter): void {
    stream.on('data', (chunk: Buffer) => {
      this.#run?.context.heard();
      lines.push(chunk);
    });
  }

  #hear(line: string): void {
    const found = this.#answers.read(line);
    switch (found.kind) {
      case 'answer':
        return this.#hearAnswer(found.object);
      case 'late':
        return this.#hearLate(found.object, found.run);
      case 'announcement':
        return this.#hearing.onReadiness(found.readiness);
      case 'stray':
        return void this.#show(cutLine(line));
    }
  }

  #hearAnswer(object: Readonly<Record<string, unknown>>): void {
    const run = this.#run;
    if (run === undefined || !run.hear(object)) return;
    this.#answers.end();
    this.#hearing.onAnswer(run, object['retire'] === true);
  }

  /** What it logs of a job that has ended is told; no more can come of that job. */
  #hearLate(object: Readonly<Record<string, unknown>>, run: string): void {
    const entry = readLog(object['log'], []);
    if (entry === undefined)
      this.#log.write('debug', 'a coprocess said something of a job that it had ended', { run });
    else
      this.#log.write(entry.level, entry.message, entry.fields === undefined ? {} : { fields: entry.fields });
  }

  #hearOutput(line: string): void {
    this.#words.add(this.#show(line));
  }

  /** Returns the line as it may be told to others. */
  #show(line: string): string {
    if (this.#run !== undefined) return this.#run.context.output(line);
    this.#log.write('info', line);
    return line;
  }

  #rejectLine(start: string): void {
    const isAnswer = this.#run !== undefined && start.includes(this.#run.id);
    this.#hearing.onNonsense(
      isAnswer
        ? failed('its answer is too large: more than 16 MiB')
        : crashed('the process wrote a line of more than 16 MiB'),
    );
  }
}

import type { JobEvent } from '../../client/job-event.ts';

/** What is written to: standard output, or something like it. */
export interface DisplayStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface DisplayOptions {
  /** One JSON event a line, whatever the stream is. */
  readonly json: boolean;
  readonly stream: DisplayStream;
  /** Masks the secrets in a text; what is JSON is JSON afterwards. */
  readonly mask: (text: string) => string;
}

/** Shows what happens to one job, as it happens. */
export interface Display {
  show(event: JobEvent): void;
  /** Says something to a person that is no event of the job, such as a lost connection; a program hears nothing of it. */
  note(text: string): void;
  /** What the job waits for, while it is queued; shown only where there is a status line. */
  hint(text: string): void;
  /** Takes the status line away and leaves the terminal as it was. Does nothing the second time. */
  close(): void;
}

/** Whether a line can be written over: a dumb terminal only ever adds some. */
export function isLive(stream: DisplayStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

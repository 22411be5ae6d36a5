import type { RunnerChanges } from '../make-runner.ts';

/** What a rule takes for granted. A processor that lacks it by its nature says why. */
export type Ability =
  /** Each job is a process of its own, and its exit code says how it ended. */
  | 'exit codes'
  /** The environment is made for the runner. */
  | 'an environment of its own'
  /** Jobs run in something that can die without the daemon, and be ended by force. */
  | 'a life of its own'
  /** Descriptors 0, 1 and 2 belong to the job or its process. */
  | 'streams of its own'
  /** What a job starts can be told from what others have started. */
  | 'processes of its own';

/**
 * A processor, with a runner whose jobs do what `parameters.do` says, with `parameters.value`:
 *
 *   nothing             ends well
 *   throw, die          crashes with "boom"; kills what it runs in
 *   exit                ends with the code `value`
 *   return              gives `value` as its data
 *   fail                declares that it failed: "no such package", with `value` as data
 *   block               is blocked, "waiting for DB"; for `value`, if there is one
 *   progress            is at 40 ("page 4 of 10"), then at 100
 *   progress-and-wait   is at 40, and goes on until it is ended
 *   facts               prints its id, queue, runner, attempt, correlation id and group, a line each
 *   settings            prints the setting output-dir
 *   environment         prints its environment, NAME=value
 *   output              prints one, three (with CRLF), ünï (its bytes apart), an empty line, and last without a line end
 *   names               prints `value` and a number, five times, with pauses
 *   huge-line           prints a line of 1,000,000 x, and one that says after
 *   much-output         prints `value` MiB, in lines of 1,024 bytes with their ends
 *   flood-stderr        the same on stderr, then done on stdout
 *   input               prints how many Z there are in the body's text
 *   wait-for-abort      prints waiting, and heeds its abort
 *   never               prints waiting, and ignores its abort
 *   busy                prints waiting, and uses the processor until it is ended
 *   close-pipes         closes its standard streams (all but its channel to the daemon), then writes to the file `value`
 *   leave               starts a process that has its standard streams, prints its number, and ends
 *   spawn               starts a process, prints its number, and ignores its abort
 *   spawn-stubborn      the same; the process ignores TERM
 *   spawn-apart         the same; the process has called setsid
 */
export interface Subject {
  readonly name: string;
  readonly line: string;
  readonly options: RunnerChanges;
  /** Why it cannot show the rules that need an ability. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>;
  /** What is printed at most by a test that everybody runs; RBIT_TEST_LONG=1 makes it 1 GiB for all. */
  readonly outputMiB: number;
  /** When the processes that a job left running are ended. */
  readonly leavings: 'end with the job' | 'end with the runner';
}

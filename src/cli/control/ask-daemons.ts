import { askAll, type Asked } from '../../control/client.ts';
import type { Command, ControlAnswers, ControlRequest } from '../../control/messages.ts';
import { EXIT } from '../exit-codes.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/** How long a daemon may take: it waits for its broker for less. */
const ANSWER_LIMIT_MS = 10_000;

/** Asks all daemons that have this state folder, each of which has `limitMs` to answer. */
export async function askDaemons<C extends Command>(
  folder: string,
  request: Extract<ControlRequest, { command: C }>,
  limitMs = ANSWER_LIMIT_MS,
): Promise<Asked<C>[]> {
  return askAll<C>(folder, request, limitMs);
}

/** The answers; who has none is a line on stderr and exit status 69, and so is that nobody runs. */
export function answersOf<C extends Command>(
  folder: string,
  asked: readonly Asked<C>[],
): ControlAnswers[C][] {
  const silent =
    asked.length === 0 ? [whyNone(folder)] : asked.flatMap((one) => ('why' in one ? [one.why] : []));
  for (const why of silent) complain(why, EXIT.noDaemon);
  return asked.flatMap((one) => ('answer' in one ? [one.answer] : []));
}

/** That no daemon runs, and where it was looked for: one that was started before the files named that folder is elsewhere. */
export function whyNone(folder: string): string {
  return `no daemon runs with the state folder ${folder} (nobody listens on control.sock there); if name or state-dir has been changed, the daemon is still in the old folder: send it SIGHUP, or restart it`;
}

/** A line on stderr, and what the process exits with. */
export function complain(text: string, exitCode: number): void {
  process.stderr.write(`error: ${oneLine(text)}\n`);
  process.exitCode = exitCode;
}

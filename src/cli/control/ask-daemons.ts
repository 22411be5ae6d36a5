import { askAll, type Asked } from '../../control/client.ts';
import type { Command, ControlAnswers, ControlRequest } from '../../control/messages.ts';
import { EXIT } from '../exit-codes.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/** How long a daemon may take: it waits for its broker for less. */
const ANSWER_LIMIT_MS = 10_000;

/** Asks all daemons that have this state folder. */
export async function askDaemons<C extends Command>(
  folder: string,
  request: Extract<ControlRequest, { command: C }>,
): Promise<Asked<C>[]> {
  return askAll<C>(folder, request, ANSWER_LIMIT_MS);
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

/** That no daemon runs, and where it was looked for. */
export function whyNone(folder: string): string {
  return `no daemon runs with the state folder ${folder} (nobody listens on control.sock there)`;
}

/** A line on stderr, and what the process exits with. */
export function complain(text: string, exitCode: number): void {
  process.stderr.write(`error: ${oneLine(text)}\n`);
  process.exitCode = exitCode;
}

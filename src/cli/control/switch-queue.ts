import { didYouMean } from '../../config/suggest.ts';
import type { QueueAnswer } from '../../control/messages.ts';
import { EXIT } from '../exit-codes.ts';
import { oneLine } from '../terminal/terminal-text.ts';
import { answersOf, askDaemons, complain } from './ask-daemons.ts';
import { readStateFolder } from './state-folder.ts';

/** What all daemons together have made of it. */
export interface Switched {
  /** False: it was so before. */
  readonly changed: boolean;
  /** Jobs that were in hand. */
  readonly running: number;
}

/** Has every daemon that works a queue pause or resume it, and prints what `describe` says of that. */
export async function switchQueue(
  command: 'pause' | 'resume',
  queue: string,
  files: readonly string[],
  describe: (switched: Switched) => string,
): Promise<void> {
  const folder = await readStateFolder(files);
  const asked =
    command === 'pause'
      ? await askDaemons<'pause'>(folder, { command, queue })
      : await askDaemons<'resume'>(folder, { command, queue });
  const answers = answersOf<'pause' | 'resume'>(folder, asked);
  const done = answers.filter((answer) => answer.kind === 'done');
  if (done.length > 0) {
    const changed = done.some((answer) => answer.changed);
    const running = done.reduce((sum, answer) => sum + answer.running, 0);
    process.stdout.write(`${oneLine(queue)}: ${describe({ changed, running })}\n`);
  } else if (answers.some(({ kind }) => kind === 'stopping')) {
    complain('the daemon is stopping: it takes nothing from any queue', EXIT.notFound);
  } else if (answers.length > 0) {
    complain(whyUnknown(queue, answers), EXIT.notFound);
  }
}

function whyUnknown(queue: string, answers: readonly QueueAnswer[]): string {
  const known = new Set(answers.flatMap((answer) => (answer.kind === 'unknown' ? answer.queues : [])));
  return `no queue ${queue} is worked here (${didYouMean(queue, known, `there are ${[...known].join(', ')}`)})`;
}

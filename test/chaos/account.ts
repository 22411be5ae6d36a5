import { accountOfDeadLetters } from './account-of-dead-letters.ts';
import { accountOfReplies } from './account-of-replies.ts';
import { accountOfRuns } from './account-of-runs.ts';
import type { Evidence } from './evidence.ts';

/** One line of the account. `isWrong`: the number ought to be another one. */
export interface AccountRow {
  readonly text: string;
  readonly number: number;
  readonly isWrong?: boolean;
}

/** How a campaign ended. */
export interface Account {
  readonly rows: readonly AccountRow[];
  /** What went wrong, each in a line, most serious first; empty when nothing did. */
  readonly problems: readonly string[];
}

/** Draws up the account. Pure: the same evidence, the same account. */
export function drawUp(evidence: Evidence): Account {
  const replies = accountOfReplies(evidence);
  const runs = accountOfRuns(evidence);
  const letters = accountOfDeadLetters(evidence);
  const { jobs, releases, depths, leftovers, troubles, faults } = evidence;
  const sure =
    jobs.filter(({ isSure }) => isSure).length + releases.reduce((sum, { sureSteps }) => sum + sureSteps, 0);
  const maybe =
    jobs.filter(({ isSure }) => !isSure).length + releases.filter(({ hasMaybeStep }) => hasMaybeStep).length;
  const answered = replies.completed + replies.failed;
  const left = [...depths].filter(([, messages]) => messages > 0);

  const rows: AccountRow[] = [
    { text: 'submitted', number: sure },
    { text: 'may have been submitted, confirm lost', number: maybe },
    { text: '  of them had a life', number: answered + replies.missing + replies.mistaken - sure },
    { text: 'completed', number: replies.completed },
    { text: 'failed', number: replies.failed },
    { text: '  of them dead-lettered', number: letters.kept },
    mustBeNone('final replies missing', replies.missing),
    { text: 'steps taken for the equal one before them', number: replies.mistaken },
    mustBeNone('final replies doubled', replies.doubled),
    {
      text: 'answered again, after a run again on another host or one that a killed broker forgot',
      number: replies.again,
    },
    { text: 'copies of one reply, same message id', number: replies.copies },
    { text: 'copies of one dead letter', number: letters.copies },
    { text: 'jobs whose requester never heard "started"', number: replies.neverStarted },
    { text: '"started" of one host after the answer of another', number: replies.lateStarts },
    { text: 'runs needed', number: runs.needed },
    ...[...runs.extra]
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([cause, number]) => ({
        text: `  and once more: ${cause}`,
        number,
        isWrong: cause === 'unexplained',
      })),
    mustBeNone('runs of one job at once on one host', runs.overlaps),
    { text: '  the same, of two messages of one job', number: runs.overlapsOfTwo },
    mustBeNone(
      'messages left on queues',
      left.reduce((sum, [, messages]) => sum + messages, 0),
    ),
    mustBeNone('processes left over', leftovers.length),
    mustBeNone('troubles of daemons', troubles.length),
    { text: 'faults', number: faults.length },
  ];
  return {
    rows,
    problems: [
      ...replies.problems,
      ...letters.problems,
      ...runs.problems,
      ...left.map(([queue, messages]) => `${messages} messages left on ${queue}`),
      ...leftovers.map((process) => `left over: ${process}`),
      ...troubles,
    ],
  };
}

/** The account as a plain table. */
export function tableOf({ rows }: Account): string {
  const width = Math.max(...rows.map(({ text }) => text.length));
  return rows
    .map(
      ({ text, number, isWrong }) =>
        `${text.padEnd(width)} ${String(number).padStart(6)}${isWrong === true ? '  WRONG' : ''}`,
    )
    .join('\n');
}

function mustBeNone(text: string, number: number): AccountRow {
  return { text, number, isWrong: number !== 0 };
}

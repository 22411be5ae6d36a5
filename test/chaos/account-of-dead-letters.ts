import { faultBetween, SETTLING_MS } from './causes.ts';
import type { Evidence } from './evidence.ts';
import { groupBy } from './group-by.ts';
import { kindOf } from './kinds.ts';

/** What keeps a message from being moved has begun at most so long before. */
const AROUND_MS = 20_000;

/** What lay on the dead-letter queues. */
export interface AccountOfDeadLetters {
  readonly problems: string[];
  /** Jobs whose message is kept. */
  readonly kept: number;
  /** Further copies of a message that is kept, while faults were going on. */
  readonly copies: number;
}

/** Holds the dead letters against the jobs that had to become some; each has to say why. */
export function accountOfDeadLetters({
  jobs,
  releases,
  replies,
  deadLetters,
  faults,
}: Evidence): AccountOfDeadLetters {
  const problems: string[] = [];
  const letters = groupBy(deadLetters, ({ key }) => key);
  const answered = new Set(replies.map(({ key }) => key));
  let kept = 0;
  let copies = 0;
  for (const { key, queue, kind, isSure } of jobs) {
    const own = letters.get(key) ?? [];
    letters.delete(key);
    const { isDeadLettered } = kindOf(kind);
    if (own.length > 0) kept += 1;
    if (isDeadLettered && own.length === 0 && (isSure || answered.has(key)))
      problems.push(`${key} of ${queue} (${kind}): not on the dead-letter queue`);
    if (!isDeadLettered && own.length > 0)
      problems.push(`${key} of ${queue} (${kind}): dead-lettered for ${own[0]?.reason ?? ''}`);
    if (own.length > 1) {
      copies += own.length - 1;
      if (!own.some(({ host, atMs }) => faultBetween(host, atMs - AROUND_MS, atMs + SETTLING_MS, faults)))
        problems.push(`${key} of ${queue} (${kind}): ${own.length} dead letters, and nothing explains it`);
    }
    for (const { reason } of own)
      if (reason === '') problems.push(`${key} of ${queue} (${kind}): its dead letter gives no reason`);
  }
  for (const { key, queue } of releases)
    if (letters.delete(key)) problems.push(`${key} of ${queue}: a step was dead-lettered`);
  for (const [key] of letters) problems.push(`${key}: a dead letter of something that was never sent`);
  return { problems, kept, copies };
}

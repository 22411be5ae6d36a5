import { expect } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Runner } from '../../../src/job/runner.ts';
import { makeContext, makeJob, type RunnerChanges, type Watched } from '../make-runner.ts';
import type { Ability, Subject } from './subject.ts';

/** How long a job of the suite's runners may take to end when it was asked to. */
export const GRACE_MS = 500;
export const MIB = 1024 * 1024;

/** A promise that every processor keeps. */
export interface Rule {
  readonly title: string;
  readonly needs?: Ability;
  /** How long its test may take, if more than usual. */
  readonly limitMs?: number;
  readonly check: (trial: Trial) => Promise<void>;
}

/** What a rule is tried on. */
export interface Trial {
  readonly subject: Subject;
  /** Has been started, and runs 20 jobs at once. */
  readonly runner: Runner;
  /** Makes another runner of the same line, which is stopped at the end. */
  readonly makeRunner: (changes: RunnerChanges) => Runner;
  /** Starts it, too. */
  readonly startRunner: (changes: RunnerChanges) => Promise<Runner>;
}

/** Runs the job that does `what`. Its body is what the runner gets as input, too. */
export function act(
  runner: Runner,
  what: string,
  value: unknown = '',
  context: Watched = makeContext(),
): Promise<Outcome> {
  const body = { parameters: { do: what, value } };
  return runner.run(makeJob(body), { ...context, input: Buffer.from(JSON.stringify(body)) });
}

/** A runner that has come to harm would not run this one as it should. */
export async function expectToRunOn(runner: Runner): Promise<void> {
  expect(await act(runner, 'return', 1)).toStrictEqual({ kind: 'completed', data: 1 });
}

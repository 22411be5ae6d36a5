import { resolve } from 'node:path';
import type { Job } from '../../src/job/job.ts';
import type { Outcome } from '../../src/job/outcome.ts';
import type { Runner } from '../../src/job/runner.ts';
import { makeContext, makeJob, makeRunner } from '../processors/harness.ts';

/** A runner that comes with rbit-ts, with the settings of its section, in one thread. */
export function shippedRunner(line: string, settings: Readonly<Record<string, string>> = {}): Runner {
  return makeRunner(line, { directory: resolve('.'), settings, threads: 1 });
}

/** Runs one job: how it ended, and what it printed. */
export async function runOnce(
  runner: Runner,
  body: unknown,
  changes: Partial<Job> = {},
): Promise<{ outcome: Outcome; lines: readonly string[] }> {
  const context = makeContext(typeof body === 'string' ? body : JSON.stringify(body));
  const outcome = await runner.run(makeJob(body, changes), context);
  return { outcome, lines: context.lines };
}

import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Runner } from '../../../src/job/runner.ts';
import { makeUnwatchedRunner, type RunnerChanges } from '../make-runner.ts';
import { abortRules } from './abort-rules.ts';
import { endRules } from './end-rules.ts';
import { environmentRules } from './environment-rules.ts';
import { inputRules } from './input-rules.ts';
import { outputRules } from './output-rules.ts';
import { processRules } from './process-rules.ts';
import { GRACE_MS, type Rule } from './rule.ts';
import { notHere } from './not-here.ts';
import type { Subject } from './subject.ts';

const rules: ReadonlyArray<readonly [string, readonly Rule[]]> = [
  ['how a job ends', endRules],
  ['what goes in', inputRules],
  ['what comes out', outputRules],
  ['its environment', environmentRules],
  ['an abort', abortRules],
  ['its processes', processRules],
];

/** Tries every rule on a processor. One that it cannot show is skipped, with the reason in its title. */
export function describeProcessor(subject: Subject): void {
  const runners: Runner[] = [];
  const makeRunner = (changes: RunnerChanges): Runner => {
    const options = { concurrency: 20, killGraceMs: GRACE_MS, ...subject.options, ...changes };
    const made = makeUnwatchedRunner(subject.line, options);
    runners.push(made);
    return made;
  };
  const startRunner = async (changes: RunnerChanges): Promise<Runner> => {
    const made = makeRunner(changes);
    await made.start();
    return made;
  };
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner({});
  });
  afterAll(async () => {
    await Promise.all(runners.map((one) => one.stop()));
  });

  describe.each(rules)('%s', (_, group) => {
    for (const { title, needs, limitMs, check } of group) {
      const reason = needs === undefined ? undefined : subject.cannot[needs];
      if (reason !== undefined) test.skip(notHere(title, reason), () => {});
      else
        test(title, { timeout: limitMs ?? 30_000 }, () =>
          check({ subject, runner, makeRunner, startRunner }),
        );
    }
  });
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Runner } from '../../../src/job/runner.ts';
import { CallOff } from '../../../src/worker/call-off.ts';
import { runWithin } from '../../../src/worker/deadline.ts';
import type { Subject } from '../contract/subject.ts';
import { makeJob, makeUnwatchedRunner } from '../make-runner.ts';
import { COUNTED, type Figures, takeFigures } from './figures.ts';

const AT_ONCE = 10;
/** Every hundredth job is ended before it has. */
const ABORT_EVERY = 100;
const SHORT = ['nothing', 'return', 'progress', 'nothing', 'fail', 'block', 'nothing', 'throw'];
/** What is still being closed when the last job has ended. */
const SETTLE_LIMIT_MS = 5_000;
const LOOK_EVERY_MS = 50;

export interface Growth {
  readonly before: Figures;
  readonly after: Figures;
  readonly jobsPerSecond: number;
}

/**
 * Runs `warmUp` short jobs, and then `jobs` more, ten at once, each within its limits as a worker would run it: what is
 * held before and after those.
 */
export async function runMany(subject: Subject, warmUp: number, jobs: number): Promise<Growth> {
  const runner = makeUnwatchedRunner(subject.line, { concurrency: AT_ONCE, ...subject.options });
  const stopping = new AbortController();
  await runner.start();
  try {
    await runAll(runner, warmUp);
    const before = await takeStill(stopping.signal);
    const start = performance.now();
    await runAll(runner, jobs);
    const jobsPerSecond = (jobs * 1000) / (performance.now() - start);
    return { before, after: await takeAtMost(before, stopping.signal), jobsPerSecond };
  } finally {
    await runner.stop();
  }
}

async function runAll(runner: Runner, jobs: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < jobs) {
      next += 1;
      if (next % ABORT_EVERY === 0) await runAborted(runner);
      else await runShort(runner, SHORT[next % SHORT.length] ?? 'nothing');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  // So long that none can take the place of another: whatever a runner has for each, it has then.
  await Promise.all(Array.from({ length: AT_ONCE }, () => runShort(runner, 'names')));
}

async function runShort(runner: Runner, what: string): Promise<void> {
  const body = { parameters: { do: what, value: what === 'block' ? '' : { some: 'data' } } };
  const limits = {
    timeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    killGraceMs: 1_000,
    onStuck: () => {},
  };
  const outcome = await runWithin(limits, new CallOff(), (signal, heard) =>
    runner.run(makeJob(body), {
      input: Buffer.from(JSON.stringify(body)),
      signal,
      heard,
      output(line) {
        heard();
        return line;
      },
      progress: heard,
    }),
  );
  if (!['completed', 'failed', 'blocked'].includes(outcome.kind))
    throw new Error(`${what}: ${JSON.stringify(outcome)}`);
}

async function runAborted(runner: Runner): Promise<void> {
  const body = { parameters: { do: 'wait-for-abort', value: '' } };
  const controller = new AbortController();
  await runner.run(makeJob(body), {
    input: Buffer.from(JSON.stringify(body)),
    signal: controller.signal,
    heard: () => {},
    output(line) {
      controller.abort();
      return line;
    },
    progress: () => {},
  });
}

/** The figures when nothing has changed for some looks. */
async function takeStill(shared: AbortSignal): Promise<Figures> {
  const limit = performance.now() + SETTLE_LIMIT_MS;
  let last = takeFigures(shared);
  for (let same = 0; same < 5 && performance.now() < limit; ) {
    await delay(LOOK_EVERY_MS);
    const now = takeFigures(shared);
    same = isWithin(now, last) && isWithin(last, now) ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** The figures when they are what they were before, or at the latest when all must be closed. */
async function takeAtMost(before: Figures, shared: AbortSignal): Promise<Figures> {
  const limit = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const now = takeFigures(shared);
    if (isWithin(now, before) || performance.now() > limit) return now;
    await delay(LOOK_EVERY_MS);
  }
}

function isWithin(now: Figures, before: Figures): boolean {
  return COUNTED.every((name) => now[name] <= before[name]);
}

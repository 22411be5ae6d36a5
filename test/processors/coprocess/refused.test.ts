import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import { makeContext, makeJob } from '../make-runner.ts';
import { DONE, pidOf, speak, startPool } from './make-coprocess.ts';

const completed = { kind: 'completed' };

const large = 'x'.repeat(1_000_000);
const steps = { parameters: { steps: [DONE] } };
const sizes: ReadonlyArray<readonly [string, Job]> = [
  ['small', makeJob(steps)],
  ['large', makeJob({ ...steps, large })],
  ['of a large head', makeJob(steps, { headers: { large } })],
];

test.each(sizes)(
  'a process that has closed its input is replaced, and the job is worked by another: %s',
  async (_name, job) => {
    const { pool } = await startPool();
    const pid = await pidOf(pool);
    await speak(pool, [{ close: 0 }, DONE]);
    expect(await pool.run(job, makeContext())).toEqual(completed);
    expect(await pidOf(pool)).not.toBe(pid);
  },
);

test.each(sizes)(
  'a job that was given to a process which ended without reading it is worked by another: %s',
  async (_name, job) => {
    const { pool } = await startPool();
    const pid = await pidOf(pool);
    process.kill(pid, 'SIGSTOP');
    const run = pool.run(job, makeContext());
    await nextTurn();
    process.kill(pid, 'SIGKILL');
    expect(await run).toEqual(completed);
  },
);

test.each(sizes)('a first process that reads nothing of its job burns none: %s', async (_name, job) => {
  const { pool } = await startPool({ command: { file: 'sh', args: ['-c', 'exec <&-; sleep 0.1; exit 2'] } });
  expect((await pool.run(job, makeContext())).kind).toBe('unavailable');
});

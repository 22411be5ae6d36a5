import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Runner } from '../../../src/job/runner.ts';
import { CallOff } from '../../../src/worker/call-off.ts';
import { runWithin } from '../../../src/worker/deadline.ts';
import { eventually } from '../../support/eventually.ts';
import { makeContext, makeJob, makeRunner, type RunnerChanges } from '../harness.ts';

const GRACE_MS = 300;
const LATE = { kind: 'failed', message: expect.stringContaining('timed out') as string, retryable: true };
const BACK = { kind: 'interrupted', reason: expect.stringContaining('kept the thread busy') as string };

let runner: Runner;
beforeEach(() => use('kinds.ts'));
afterEach(() => runner.stop());

async function use(module: string, changes: RunnerChanges = {}): Promise<void> {
  runner = makeRunner(`module!./modules/${module}`, { threads: 1, killGraceMs: GRACE_MS, ...changes });
  await runner.start();
}

interface Run {
  readonly job: Job;
  readonly lines: string[];
  readonly outcome: Promise<Outcome>;
  readonly cancel: () => void;
}

/** Runs a job as the daemon does, within its timeout. */
function run(job: Job, timeoutMs: number): Run {
  const context = makeContext();
  const callOff = new CallOff();
  const limits = { timeoutMs, idleTimeoutMs: undefined, killGraceMs: GRACE_MS, onStuck: () => {} };
  const outcome = runWithin(limits, callOff, (signal) => runner.run(job, { ...context, signal }));
  return { job, lines: context.lines, outcome, cancel: () => callOff.now({ kind: 'cancel' }) };
}

/** Begins a job, and waits until it has printed that it is at it. */
async function begin(id: string, what: string, value: unknown, timeoutMs: number): Promise<Run> {
  const begun = run(makeJob({ parameters: { do: what, value } }, { id }), timeoutMs);
  await eventually(() => begun.lines.length > 0, `${id} runs`);
  return begun;
}

test('a job whose time was up while another one blocked its thread goes back, whichever of them was due first', async () => {
  const first = await begin('first', 'wait', 400, 500);
  const busy = await begin('busy', 'busy', undefined, 400);
  const unbegun = run(makeJob({ parameters: { do: 'wait', value: 10 } }, { id: 'unbegun' }), 450);
  expect(await busy.outcome).toMatchObject(LATE);
  expect(await first.outcome).toEqual(BACK);
  expect(await unbegun.outcome).toEqual(BACK);
  expect(unbegun.lines).toEqual([]);
  expect(await run(first.job, 5_000).outcome).toEqual({ kind: 'completed', data: 'waited' });
});

test('a job that blocks its thread while another one is due has its time in a thread of its own', async () => {
  const due = await begin('due', 'wait', 400, 500);
  const busy = await begin('busy', 'busy-for', 1_500, 60_000);
  expect(await due.outcome).toEqual(BACK);
  expect(await busy.outcome).toEqual(BACK);
  const again = run(busy.job, 60_000);
  expect(await run(due.job, 5_000).outcome).toEqual({ kind: 'completed', data: 'waited' });
  expect(await again.outcome).toEqual({ kind: 'completed', data: 'was busy' });
});

test('where nobody can tell who blocks a thread, each has another one to itself, and who is late there is late', async () => {
  const first = await begin('first', 'wait', 400, 500);
  const busy = await begin('busy', 'busy-later', 0, 500);
  expect(await first.outcome).toEqual(BACK);
  expect(await busy.outcome).toEqual(BACK);
  const [busyAgain, firstAgain] = [run(busy.job, 500), run(first.job, 5_000)];
  expect(await firstAgain.outcome).toEqual({ kind: 'completed', data: 'waited' });
  expect(await busyAgain.outcome).toMatchObject(LATE);
});

test('a job that heard that its time was up has had it, though another one blocked its thread afterwards', async () => {
  const due = await begin('due', 'hears-and-stays', undefined, 100);
  const busy = await begin('busy', 'busy', undefined, 100);
  expect(await due.outcome).toMatchObject(LATE);
  expect(await busy.outcome).toMatchObject(LATE);
});

test('a job that is cancelled while another one blocks its thread does not run again', async () => {
  const first = await begin('first', 'wait', 10_000, 60_000);
  const busy = await begin('busy', 'busy', undefined, 60_000);
  first.cancel();
  expect(await first.outcome).toMatchObject({ kind: 'failed', message: 'cancelled' });
  expect(await busy.outcome).toEqual(BACK);
});

test('a job that blocks its thread after an await is known when the others had not begun', async () => {
  const busy = await begin('busy', 'busy-later', 0, 400);
  await eventually(() => busy.lines.includes('busy'), 'it blocks');
  const unbegun = run(makeJob({ parameters: { do: 'wait', value: 10 } }, { id: 'unbegun' }), 450);
  expect(await busy.outcome).toMatchObject(LATE);
  expect(await unbegun.outcome).toEqual(BACK);
});

test('a job that blocks its thread when it hears that its time is up is known', async () => {
  const neighbour = await begin('neighbour', 'wait', 10_000, 60_000);
  const busy = await begin('busy', 'busy-on-abort', undefined, 100);
  expect(await busy.outcome).toMatchObject(LATE);
  expect(await neighbour.outcome).toEqual(BACK);
  const again = begin('neighbour', 'wait', 50, 60_000);
  expect(await (await again).outcome).toEqual({ kind: 'completed', data: 'waited' });
});

test('a job that was given up, goes on, and blocks the thread then is not taken for its neighbour', async () => {
  const neighbour = await begin('neighbour', 'wait', 10_000, 900);
  const givenUp = await begin('given-up', 'busy-later', 700, 100);
  expect(await givenUp.outcome).toMatchObject(LATE);
  expect(await neighbour.outcome).toEqual(BACK);
});

test('a thread has its time to answer where there is no grace', async () => {
  await runner.stop();
  await use('kinds.ts', { killGraceMs: 0 });
  const due = await begin('due', 'never', undefined, 50);
  const neighbour = await begin('neighbour', 'busy-for', 80, 60_000);
  expect(await due.outcome).toMatchObject(LATE);
  expect(await neighbour.outcome).toEqual({ kind: 'completed', data: 'was busy' });
});

test('a job whose thread takes too long to load its module is late, and does not go round', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slow-'));
  const mark = join(folder, 'mark');
  await runner.stop();
  await use('slow-to-load.ts', { env: { MARK: mark } });
  await writeFile(mark, '');
  expect(await run(makeJob({ parameters: { do: 'exit' } }), 60_000).outcome).toMatchObject({
    kind: 'failed',
  });
  expect(await run(makeJob(), 100).outcome).toMatchObject(LATE);
  await rm(folder, { recursive: true });
});

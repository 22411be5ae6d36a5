import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import { readProcessTable } from '../../../src/processors/child/process-table.ts';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext, makeJob, makeRunner } from '../harness.ts';

const GRACE_MS = 300;

/** Runs a command that prints the numbers of `count` processes; aborts it then, if asked to. */
async function run(
  command: string,
  count: number,
  abort: boolean,
  killGraceMs = GRACE_MS,
): Promise<{ outcome: Outcome; pids: number[]; tookMs: number }> {
  const runner = makeRunner(`shell!${command}`, { killGraceMs });
  await runner.start();
  const context = makeContext();
  const running = runner.run(makeJob(), context);
  await eventually(() => context.lines.length >= count, 'the processes say who they are');
  const pids = context.lines.map(Number);
  const start = performance.now();
  if (abort) context.abort();
  const outcome = await running;
  return { outcome, pids, tookMs: performance.now() - start };
}

test.each<[string, string, number]>([
  ['a program', 'echo $$; exec sleep 100', 1],
  ['grandchildren', 'sleep 100 & echo $!; (sleep 101 & echo $!; wait) & wait', 2],
  ['one that ignores TERM', `sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`, 1],
  ['one with a group of its own', 'set -m; sh -c "echo \\$\\$; exec sleep 100" & wait', 1],
  ['one that called setsid', `setsid sh -c 'echo $$; exec sleep 100' & wait`, 1],
  [
    'one that called setsid and ignores TERM',
    `setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`,
    1,
  ],
  ['an orphan that called setsid', `(setsid sh -c 'echo $$; exec sleep 100' &); exec sleep 100`, 1],
  [
    'one that called setsid and forgot its environment',
    `setsid env -i sh -c 'echo $$; exec sleep 100' & wait`,
    1,
  ],
  ['one that closed its pipes', `sh -c 'echo $$; exec >&- 2>&- <&-; exec sleep 100' & wait`, 1],
  ['one that is stopped', `sh -c 'echo $$; kill -STOP $$; exec sleep 100' & wait`, 1],
])('an abort ends %s', async (_, command, count) => {
  const { pids, tookMs, outcome } = await run(command, count, true);
  expect(outcome.kind).toBe('interrupted');
  for (const pid of pids) expect(await isAlive(pid)).toBe(false);
  expect(tookMs).toBeLessThan(GRACE_MS + 2_500);
});

test('one that goes on starting programs in sessions of their own, with no environment, ends with all of them', {
  repeats: 4,
}, async () => {
  const mark = `61.${process.pid}`;
  const storm = `trap "" TERM; echo $$; for i in $(seq 250); do setsid env -i sleep ${mark} & done; wait`;
  const marked = () => readProcessTable().filter(({ pid }) => commandOf(pid).endsWith(`sleep ${mark}`));
  const { outcome } = await run(`sh -c '${storm}' & wait`, 1, true, 0);
  const left = marked();
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  expect([outcome.kind, left]).toEqual(['interrupted', []]);
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
  } catch {
    return '';
  }
}

test('a program that heeds TERM may use its grace to clean up', async () => {
  const runner = makeRunner(`shell!trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`, {
    killGraceMs: 5_000,
  });
  await runner.start();
  const context = makeContext();
  const running = runner.run(makeJob(), context);
  await eventually(() => context.lines.length > 0, 'the program is ready');
  context.abort();
  await running;
  expect(context.lines).toContain('bye');
});

test.each<[string, string]>([
  ['a background process', 'sleep 100 & echo $!'],
  ['one that ignores TERM', `sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & sleep 0.2`],
  ['one without pipes', 'sleep 100 >&- 2>&- <&- & echo $!'],
])('a job that ended leaves nothing of its group: %s', async (_, command) => {
  const { outcome, pids } = await run(command, 1, false);
  expect(outcome).toEqual({ kind: 'completed' });
  for (const pid of pids) expect(await isAlive(pid)).toBe(false);
});

test('a daemon that a job started on purpose lives on, and its hold on the pipes is not waited for', async () => {
  const { outcome, pids, tookMs } = await run(`setsid sh -c 'echo $$; exec sleep 100' & sleep 0.2`, 1, false);
  const [pid = 0] = pids;
  try {
    expect(outcome).toEqual({ kind: 'completed' });
    expect(tookMs).toBeLessThan(3_000);
    expect(await isAlive(pid)).toBe(true);
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DaemonId, formatDaemonId, ownDaemonId } from '../../../src/processors/child/daemon-id.ts';
import { endProcesses, send } from '../../../src/processors/child/end-processes.ts';
import { LeftProcesses } from '../../../src/processors/child/left-processes.ts';
import { findLeftRuns } from '../../../src/processors/child/left-runs.ts';
import { readEnvironment, readProcess } from '../../../src/processors/child/process-table.ts';
import { RunList } from '../../../src/processors/child/run-list.ts';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext, makeJob, makeRunner } from '../harness.ts';

const GRACE_MS = 300;
const IGNORES_TERM = `trap "" TERM; echo $$; while :; do sleep 1; done`;

let state: string;
const started: number[] = [];
const own = ownDaemonId() ?? expect.fail('these tests need /proc');
/** This process's number was another daemon's before. */
const killed: DaemonId = { ...own, startTime: '1' };

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'rbit-test-'));
});

afterEach(async () => {
  for (const pid of started.splice(0)) if (await isAlive(pid)) send(pid, 'SIGKILL');
  rmSync(state, { recursive: true });
});

/**
 * Starts a shell as the daemon starts a job's, but as nobody's child: what this process has started is its own business.
 * The command prints the numbers of `count` processes; if it ends with `exit`, its head is gone then.
 */
async function start(
  command: string,
  env: NodeJS.ProcessEnv,
  { count = 1, isLeader = true } = {},
): Promise<{ head: number; pids: number[] }> {
  const shell = `${isLeader ? 'setsid ' : ''}/bin/sh -c "$1" & echo "head $!"`;
  const { stdout } = spawn('/bin/sh', ['-c', shell, 'sh', command], {
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pids: number[] = [];
  let head = 0;
  for await (const line of createInterface({ input: stdout })) {
    const pid = Number(line.replace('head ', ''));
    started.push(pid);
    if (line.startsWith('head')) head = pid;
    else pids.push(pid);
    if (head > 0 && pids.length === count) break;
  }
  if (command.endsWith('exit')) await eventually(async () => !(await isAlive(head)), 'the end of the head');
  return { head, pids };
}

/** Writes a list as the daemon would have. */
function list(daemon: DaemonId, lines: readonly string[]): void {
  writeFileSync(join(state, `running.${formatDaemonId(daemon)}`), lines.map((line) => `${line}\n`).join(''));
}

async function sweep(): Promise<boolean> {
  const left = findLeftRuns(state) ?? expect.fail('no /proc');
  const processes = new LeftProcesses(left.runs, left.living);
  await processes.findAll();
  const isGone = await endProcesses(processes, GRACE_MS);
  if (isGone) left.forget();
  return isGone;
}

const fail = (reason: string): never => expect.fail(reason);
const areAlive = (pids: readonly number[]): Promise<boolean[]> => Promise.all(pids.map(isAlive));

describe('what a killed daemon left running is ended', () => {
  test.each<[string, string, number]>([
    ['a program', 'echo $$; exec sleep 100', 1],
    ['grandchildren', 'sleep 100 & echo $!; (sleep 101 & echo $!; wait) & wait', 2],
    ['one that ignores TERM', IGNORES_TERM, 1],
    ['one that is stopped', 'echo $$; kill -STOP $$; exec sleep 100', 1],
    ['one that called setsid', `setsid sh -c 'echo $$; exec sleep 100' & wait`, 1],
    ['one that called setsid and ignores TERM', `setsid sh -c '${IGNORES_TERM}' & wait`, 1],
    ['one that called setsid and lost its parent', `(setsid sh -c 'echo $$; exec sleep 100' &) ; exit`, 1],
    ['a background process of a head that is gone', 'sleep 100 & echo $!; exit', 1],
    ['a head that emptied its environment', 'exec env -i sh -c "echo \\$\\$; exec sleep 100"', 1],
    [
      'one that called setsid and emptied its environment, and has a parent of ours',
      `setsid env -i sh -c 'echo $$; exec sleep 100' & wait`,
      1,
    ],
    [
      'one that emptied its environment in the group of one that did not',
      `(env -i sh -c '${IGNORES_TERM}' &); (sh -c 'echo $$; exec sleep 100' &); exit`,
      2,
    ],
  ])('%s', async (_, command, count) => {
    const run = randomUUID();
    const { head, pids } = await start(command, { RBIT_RUN: run }, { count });
    list(killed, [`${run} ${head} ${readProcess(head)?.startTime ?? '1'}`]);
    expect(await areAlive(pids)).toEqual(pids.map(() => true));
    expect(await sweep()).toBe(true);
    expect(await areAlive([head, ...pids])).toEqual([head, ...pids].map(() => false));
    expect(readdirSync(state)).toEqual([]);
  });

  test('one whose daemon was killed before it could write down who leads', async () => {
    const run = randomUUID();
    const { pids } = await start(`setsid sh -c 'echo $$; exec sleep 100' & wait`, { RBIT_RUN: run });
    list(killed, [run]);
    expect(await sweep()).toBe(true);
    expect(await areAlive(pids)).toEqual([false]);
  });

  test('one that has become the child of a daemon that lives, as in a container', async () => {
    const run = randomUUID();
    const { pid = 0 } = spawn('sleep', ['100'], { env: { ...process.env, RBIT_RUN: run }, stdio: 'ignore' });
    started.push(pid);
    list(killed, [run]);
    expect(await sweep()).toBe(true);
    expect(await isAlive(pid)).toBe(false);
  });

  test('one without a group of its own, alone', async () => {
    const run = randomUUID();
    const theirs = await start('echo $$; exec sleep 100', { RBIT_RUN: run }, { isLeader: false });
    const beside = await start('echo $$; exec sleep 100', {}, { isLeader: false });
    list(killed, [run]);
    expect(await sweep()).toBe(true);
    expect(await areAlive([theirs.head, beside.head])).toEqual([false, true]);
  });

  test('those of several daemons at once, within one grace', async () => {
    const runs = Array.from({ length: 8 }, () => randomUUID());
    const shells = await Promise.all(runs.map((run) => start(IGNORES_TERM, { RBIT_RUN: run })));
    for (const [index, { head }] of shells.entries()) {
      list({ ...own, pid: 2 ** 22 + index + 1 }, [`${runs[index]} ${head} ${readProcess(head)?.startTime}`]);
    }
    const begin = performance.now();
    expect(await sweep()).toBe(true);
    expect(performance.now() - begin).toBeLessThan(GRACE_MS + 2_000);
    expect(await areAlive(shells.map(({ head }) => head))).toEqual(shells.map(() => false));
    expect(readdirSync(state)).toEqual([]);
  });

  test('it hears TERM first, and may use its grace', async () => {
    const run = randomUUID();
    const command = `trap 'echo bye > ${state}/bye; exit' TERM; echo $$; while :; do sleep 0.05; done`;
    const { head } = await start(command, { RBIT_RUN: run });
    list(killed, [run]);
    expect(await sweep()).toBe(true);
    expect(await isAlive(head)).toBe(false);
    expect(readFileSync(join(state, 'bye'), 'utf8')).toBe('bye\n');
  });
});

describe('what is not of a killed daemon is left alone:', () => {
  const bystander = 'echo $$; exec sleep 100';

  test('the runs of a daemon that lives', async () => {
    const run = randomUUID();
    const { head } = await start(bystander, { RBIT_RUN: run });
    list(own, [`${run} ${head} ${readProcess(head)?.startTime}`]);
    expect(await sweep()).toBe(true);
    expect(await isAlive(head)).toBe(true);
    expect(readdirSync(state)).toHaveLength(1);
  });

  test('those of a daemon in another container', async () => {
    const run = randomUUID();
    const { head } = await start(bystander, { RBIT_RUN: run });
    list({ ...killed, namespace: '1' }, [`${run} ${head} ${readProcess(head)?.startTime}`]);
    expect(await sweep()).toBe(true);
    expect(await isAlive(head)).toBe(true);
    expect(readdirSync(state)).toHaveLength(1);
  });

  test('those with the numbers of runs from before the start of the system; their list is removed', async () => {
    const run = randomUUID();
    const { head } = await start(bystander, { RBIT_RUN: run });
    list({ ...killed, boot: randomUUID() }, [`${run} ${head} ${readProcess(head)?.startTime}`]);
    expect(await sweep()).toBe(true);
    expect(await isAlive(head)).toBe(true);
    expect(readdirSync(state)).toEqual([]);
  });

  test('a stranger with the number that a head had, and its group', async () => {
    const { head, pids } = await start(`sleep 100 & echo $!; wait`, { RBIT_RUN: randomUUID() });
    list(killed, [`${randomUUID()} ${head} 1`]);
    expect(await sweep()).toBe(true);
    expect(await areAlive([head, ...pids])).toEqual([true, true]);
  });

  test('what a run that ended left behind on purpose', async () => {
    const runner = makeRunner(`shell!setsid sh -c 'echo $$; exec sleep 100' & sleep 0.2`, {
      runList: new RunList(state, fail),
    });
    await runner.start();
    const context = makeContext();
    expect(await runner.run(makeJob(), context)).toEqual({ kind: 'completed' });
    const pid = Number(context.lines[0]);
    started.push(pid);
    const [name = ''] = readdirSync(state);
    list(killed, [readFileSync(join(state, name), 'latin1').trimEnd()]);
    expect(await sweep()).toBe(true);
    expect(await isAlive(pid)).toBe(true);
  });

  test.each([
    'no run at all',
    '-1 1 1',
    `${'0'.repeat(36)} 1 1`,
    `${'0'.repeat(36)} -1 1`,
    `${'0'.repeat(36)} 0 1`,
    `${'0'.repeat(36)} 99999999999999999999 1`,
    `${'0'.repeat(36)} ${process.pid} ${own.startTime}`,
    `${'0'.repeat(36)} 1 ${readProcess(1)?.startTime}`,
    `${'.'.repeat(36)} 2 2`,
    '\0'.repeat(64),
  ])('everybody, when a list says %j', async (line) => {
    const { head } = await start(bystander, { RBIT_RUN: '../..' });
    list(killed, [line]);
    const left = findLeftRuns(state) ?? expect.fail('no /proc');
    expect(new LeftProcesses(left.runs, left.living).find()).toEqual([]);
    expect(await isAlive(head)).toBe(true);
  });

  test.each([
    'running.',
    'running...',
    'running.-1',
    `running.${own.boot}.${own.namespace}.-1.1`,
    'running.x',
  ])('whatever is in a file of the name %j', async (name) => {
    const run = randomUUID();
    const { head } = await start(bystander, { RBIT_RUN: run });
    writeFileSync(join(state, name), `${run} ${head} ${readProcess(head)?.startTime}\n`);
    expect(await sweep()).toBe(true);
    expect(await isAlive(head)).toBe(true);
    expect(readdirSync(state)).toEqual([name]);
  });

  test('the runs of a daemon that is one of them: that one is ended, and knows what to do', async () => {
    const run = randomUUID();
    const inner = `RBIT_RUN=${randomUUID()} setsid sh -c 'echo $$; exec sleep 100'`;
    const { head, pids } = await start(`${inner} & wait`, { RBIT_RUN: run });
    list(killed, [run]);
    expect(await sweep()).toBe(true);
    expect(await areAlive([head, ...pids])).toEqual([false, true]);
  });

  test('a daemon that lives is spared, with all that it runs, even when it is itself such a process', async () => {
    const run = randomUUID();
    const children = `sleep 100 & echo $!; RBIT_RUN=${randomUUID()} sleep 100 & echo $!`;
    const daemon = await start(`echo $$; ${children}; wait`, { RBIT_RUN: run }, { count: 3 });
    const beside = await start(bystander, { RBIT_RUN: run });
    const { head } = daemon;
    list({ ...own, pid: head, startTime: readProcess(head)?.startTime ?? '' }, [randomUUID()]);
    list(killed, [`${run} ${head} ${readProcess(head)?.startTime}`]);
    expect(await sweep()).toBe(true);
    expect(await areAlive(daemon.pids)).toEqual([true, true, true]);
    expect(await isAlive(beside.head)).toBe(false);
  });
});

describe('the list of runs', () => {
  const read = (): string[] =>
    readdirSync(state)
      .flatMap((name) => readFileSync(join(state, name), 'latin1').split('\n'))
      .map((line) => line.trimEnd())
      .filter((line) => line !== '');

  test('names each run as long as it is there, and its head', () => {
    const runs = new RunList(state, fail);
    const [first = '', second = '', third = ''] = Array.from({ length: 3 }, () => randomUUID());
    runs.add(first);
    runs.add(second);
    expect(read()).toEqual([first, second]);
    runs.setHead(second, process.pid);
    runs.remove(first);
    expect(read()).toEqual([`${second} ${own.pid} ${own.startTime}`]);
    runs.add(third);
    runs.add(first);
    expect(read().toSorted()).toEqual([`${second} ${own.pid} ${own.startTime}`, third, first].toSorted());
    for (const run of [first, second, third]) runs.remove(run);
    expect(read()).toEqual([]);
  });

  test('has a child that runs, with its number, until it has ended', async () => {
    const runner = makeRunner('shell!echo $$; exec sleep 100', { runList: new RunList(state, fail) });
    await runner.start();
    const context = makeContext();
    const running = runner.run(makeJob(), context);
    await eventually(() => context.lines.length > 0, 'the child says who it is');
    const pid = Number(context.lines[0]);
    const run = readEnvironment(pid)?.get('RBIT_RUN');
    expect(read()).toEqual([`${run} ${pid} ${readProcess(pid)?.startTime}`]);
    context.abort();
    await running;
    expect(read()).toEqual([]);
  });

  test('has nothing of a child that could not be started', async () => {
    const cwd = join(state, 'cwd');
    mkdirSync(cwd);
    const runner = makeRunner('shell!true', { cwd, runList: new RunList(state, fail) });
    await runner.start();
    rmSync(cwd, { recursive: true });
    expect(await runner.run(makeJob(), makeContext())).toMatchObject({ kind: 'unavailable' });
    expect(read()).toEqual([]);
  });

  test('what it lists is found by whoever is started later', () => {
    const runs = new RunList(state, fail);
    const [led, without] = [randomUUID(), randomUUID()] as const;
    runs.add(led);
    runs.setHead(led, process.pid);
    runs.add(without);
    const [name = ''] = readdirSync(state);
    list(killed, readFileSync(join(state, name), 'latin1').trimEnd().split('\n'));
    expect(findLeftRuns(state)?.runs).toEqual([
      { run: led, head: { pid: own.pid, startTime: own.startTime } },
      { run: without, head: undefined },
    ]);
  });

  test('a folder that takes no list is told once, and jobs run all the same', async () => {
    const problems: string[] = [];
    const runList = new RunList(join(state, 'missing'), (reason) => problems.push(reason));
    const runner = makeRunner('shell!echo there', { runList });
    await runner.start();
    for (let run = 0; run < 3; run += 1) {
      expect(await runner.run(makeJob(), makeContext())).toEqual({ kind: 'completed' });
    }
    expect(problems).toEqual([expect.stringContaining('ENOENT')]);
  });
});

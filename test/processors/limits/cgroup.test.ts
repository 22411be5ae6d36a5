import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatDaemonId, ownDaemonId } from '../../../src/processors/child/daemon-id.ts';
import { stopTree } from '../../../src/processors/child/stop.ts';
import { CgroupPlace, findOwnCgroup } from '../../../src/processors/limits/cgroup-place.ts';
import { openMemoryLimit } from '../../../src/processors/limits/memory-limit.ts';
import { RunCgroups } from '../../../src/processors/limits/run-cgroups.ts';
import { eventually } from '../../support/eventually.ts';
import { FIXTURES, isAlive } from '../harness.ts';

const MOUNTED = `24 1 0:22 / /proc rw - proc proc rw
30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate`;

test.each<[string, string, string, string | undefined]>([
  ['a service', MOUNTED, '0::/system.slice/a.service\n', '/sys/fs/cgroup/system.slice/a.service'],
  ['the root', MOUNTED, '0::/\n', '/sys/fs/cgroup'],
  ['beside version 1', MOUNTED, '4:memory:/x\n1:name=systemd:/y\n0::/z\n', '/sys/fs/cgroup/z'],
  [
    'a part that is mounted by itself',
    '30 24 0:26 /a/b /sys/fs/cgroup ro - cgroup2 c rw',
    '0::/a/b/c\n',
    '/sys/fs/cgroup/c',
  ],
  ['a part that is not mounted', '30 24 0:26 /a/b /sys/fs/cgroup ro - cgroup2 c rw', '0::/a/x\n', undefined],
  ['outside of what is seen', MOUNTED, '0::/../other\n', undefined],
  [
    'only version 1',
    '30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup c rw,memory',
    '4:memory:/x\n',
    undefined,
  ],
  ['none', '', '', undefined],
])('where the daemon’s cgroup is found: %s', (_, mountinfo, cgroup, expected) => {
  expect(findOwnCgroup(mountinfo, cgroup)).toBe(expected);
});

describe('where there is no cgroup for it, each process is limited by ulimit', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbit-ts-cgroup-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test.each<[string, () => string | undefined, string | RegExp]>([
    ['none at all', () => undefined, 'no cgroup of version 2 is to be seen'],
    ['without the controller', () => folder, /has no memory controller$/],
    [
      'not writable, or taken by others',
      () => {
        writeFileSync(join(folder, 'cgroup.controllers'), 'cpu memory pids\n');
        mkdirSync(join(folder, 'cgroup.subtree_control'));
        return folder;
      },
      /EISDIR/,
    ],
    [
      'of no use to a process',
      () => {
        writeFileSync(join(folder, 'cgroup.controllers'), 'cpu memory pids\n');
        writeFileSync(join(folder, 'cgroup.subtree_control'), 'memory\n');
        return folder;
      },
      /ENOENT/,
    ],
  ])('%s', async (_, make, why) => {
    const limit = await openMemoryLimit(1024 * 1024, new CgroupPlace(make()));
    expect(limit.details).toEqual({ because: expect.stringMatching(why) as string });
    expect(limit.confine('run').chain).toContain('1024');
  });
});

const mounted = findOwnCgroup(
  readFileSync('/proc/self/mountinfo', 'utf8'),
  readFileSync('/proc/self/cgroup', 'utf8'),
);

function canMake(): boolean {
  const probe = join(mounted ?? '/nowhere', `rbit-ts-probe-${randomUUID()}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return existsSync(join(mounted ?? '', 'cgroup.procs'));
  } catch {
    return false;
  }
}

describe.runIf(canMake())('a cgroup for each run (where cgroups can be made)', () => {
  let base: string;
  const started: ChildProcess[] = [];

  beforeEach(() => {
    base = join(mounted ?? '', `rbit-ts-test-${randomUUID()}`);
    mkdirSync(base);
  });
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    await eventually(() => {
      for (const name of readdirSync(base))
        if (!name.startsWith('cgroup') && !name.includes('.')) rmdirSync(join(base, name));
      for (const name of readdirSync(base)) if (name.startsWith('rbit-ts.')) rmdirSync(join(base, name));
      rmdirSync(base);
      return true;
    }, 'the test’s cgroup is empty');
  });

  const runs = () => readdirSync(base).filter((name) => name.startsWith('rbit-ts.'));

  /** A shell in the cgroup, and the numbers that it prints. */
  async function startIn(path: string, command: string, count = 1): Promise<{ pid: number; said: number[] }> {
    const child = spawn('sh', ['-c', `echo 0 >"$0/cgroup.procs" || exit; ${command}`, path], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
    const words = () => said.split('\n').filter((line) => line !== '');
    await eventually(() => words().length >= count, 'they say who they are');
    return { pid: Number(child.pid), said: words().map(Number) };
  }

  test('is set up, holds its processes, and is gone with them', async () => {
    const cgroups = new RunCgroups(base, { 'cgroup.max.depth': '3', 'no.such.file?': '1' });
    const { path, held, remove } = cgroups.make('run-1');
    expect(readFileSync(join(path, 'cgroup.max.depth'), 'utf8')).toBe('3\n');
    expect(held.find()).toEqual([]);
    const { pid } = await startIn(path, 'echo $$; exec sleep 100');
    expect(held.find()).toEqual([pid]);
    held.kill();
    await eventually(async () => !(await isAlive(pid)), 'it is ended');
    expect(remove()).toEqual({});
    expect(runs()).toEqual([]);
    expect([held.find(), remove()]).toEqual([[], {}]);
  });

  test('that cannot be set up is an error, and leaves nothing', () => {
    expect(() => new RunCgroups(base, { 'no.such.file': '1' }).make('run-1')).toThrow(/ENOENT|EACCES/);
    expect(runs()).toEqual([]);
  });

  test('in which somebody lives on is removed later', async () => {
    const cgroups = new RunCgroups(base, {});
    const first = cgroups.make('run-1');
    const { pid } = await startIn(first.path, 'echo $$; exec sleep 100');
    first.remove();
    expect(runs()).toHaveLength(1);
    const [child] = started;
    const exit = child === undefined ? undefined : once(child, 'exit');
    process.kill(pid, 'SIGKILL');
    await exit;
    cgroups.make('run-2').remove();
    expect(runs()).toEqual([]);
  });

  test('of a killed daemon is removed at the start, that of a living one is not', () => {
    const own = ownDaemonId();
    if (own === undefined) throw new Error('no /proc');
    const dead = join(base, `rbit-ts.${formatDaemonId({ ...own, pid: 2 ** 22 + 1 })}.${randomUUID()}`);
    const living = join(base, `rbit-ts.${formatDaemonId(own)}.${randomUUID()}`);
    for (const path of [dead, living, join(base, 'rbit-ts.daemon')]) mkdirSync(path);
    new RunCgroups(base, {}).removeLeft();
    expect(runs().toSorted()).toEqual([basename(living), 'rbit-ts.daemon'].toSorted());
  });

  test('ends even those who have left the session, their environment and their parents', async () => {
    const { path, held, remove } = new RunCgroups(base, {}).make('run-1');
    const escape = `(setsid env -i sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' &)`;
    const { pid, said } = await startIn(path, `${escape}; echo $$; exec sleep 100`, 2);
    const tree = { pid, marker: `RBIT_RUN=${randomUUID()}`, killGraceMs: 100, includesEscaped: () => true };
    expect(await stopTree({ ...tree, held })).toBe(true);
    for (const one of said) expect(await isAlive(one)).toBe(false);
    expect(remove()).toEqual({});
    expect(runs()).toEqual([]);
  });

  test('ends a chain of processes that is faster than any look at the process table', async () => {
    const { path, held, remove } = new RunCgroups(base, {}).make('run-1');
    const { pid } = await startIn(path, `sh ${FIXTURES}/programs/chain 0; echo $$; exec sleep 100`);
    const tree = { pid, marker: `RBIT_RUN=${randomUUID()}`, killGraceMs: 100, includesEscaped: () => true };
    expect(await stopTree({ ...tree, held })).toBe(true);
    expect(held.find()).toEqual([]);
    remove();
    expect(runs()).toEqual([]);
  });

  test('is left to those who outlive a job that has ended', async () => {
    const { path, held, remove } = new RunCgroups(base, {}).make('run-1');
    const { pid, said } = await startIn(
      path,
      `setsid sh -c 'echo $$; exec sleep 100' & sleep 0.2; echo $$`,
      2,
    );
    const outliving = said.find((one) => one !== pid) ?? 0;
    const tree = { pid, marker: `RBIT_RUN=${randomUUID()}`, killGraceMs: 100, includesEscaped: () => false };
    expect(await stopTree({ ...tree, held })).toBe(true);
    expect(await isAlive(outliving)).toBe(true);
    expect(remove()).toEqual({});
    expect(held.find()).toEqual([outliving]);
    held.kill();
    await eventually(() => held.find().length === 0, 'it is ended');
  });
});

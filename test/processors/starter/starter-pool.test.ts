import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChildCommand } from '../../../src/processors/child/start.ts';
import { StdioFolder } from '../../../src/processors/child/stdio-folder.ts';
import { findStarterProblem } from '../../../src/processors/starter/find-starter-problem.ts';
import { Starter } from '../../../src/processors/starter/starter.ts';
import { StarterPool, type StarterPoolOptions } from '../../../src/processors/starter/starter-pool.ts';
import { eventually } from '../../support/eventually.ts';
import { starters, UNDER_STARTER } from './warm.ts';

const folder = new StdioFolder();
const pools: StarterPool[] = [];
beforeAll(() => folder.open());
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await folder.close();
});

function openPool(options: Partial<StarterPoolOptions> = {}): StarterPool {
  const pool = new StarterPool({ concurrency: 4, ...options });
  pools.push(pool);
  pool.open();
  return pool;
}

function readyStarter(): Promise<Starter> {
  return new Promise((resolve, reject) => {
    const starter = new Starter('/usr/bin/python3', {
      onReady: () => resolve(starter),
      onOver: (_, problem) => reject(new Error(problem)),
    });
  });
}

const PROGRAM: ChildCommand = {
  file: '/bin/sh',
  args: ['-c', ':'],
  cwd: '/',
  env: {},
  input: new Uint8Array(),
};

async function run(pool: StarterPool, script: string): Promise<{ end: unknown; said: string }> {
  const child = await pool.start({ ...PROGRAM, args: ['-c', script] }, folder);
  if ('kind' in child) return { end: child, said: '' };
  if (child.pid === undefined) return { end: child.exit, said: child.stdout.toString() };
  const said = text(child.stdout);
  child.stderr.resume();
  return { end: await child.exit, said: await said };
}

async function warmUp(pool: StarterPool): Promise<void> {
  await eventually(
    async () => (await run(pool, 'echo $PPID')).said.trim() !== String(process.pid),
    'a starter',
  );
}

/** Has a program run for a while; `parent` resolves with the pid of who started it when it is over. */
async function occupy(pool: StarterPool, seconds: number): Promise<{ parent: Promise<string> }> {
  const child = await pool.start({ ...PROGRAM, args: ['-c', `sleep ${seconds}; echo $PPID`] }, folder);
  if ('kind' in child || child.pid === undefined) throw new Error('it runs');
  child.stderr.resume();
  return { parent: text(child.stdout) };
}

test('a Python that cannot do it is found out before it is given a program', async () => {
  const old = await mkdtemp(join(tmpdir(), 'rbit-starter-'));
  try {
    const python = join(old, 'python3');
    const code =
      'import os, sys; del os.posix_spawn; sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())';
    await writeFile(python, `#!/bin/sh\nshift 2\nexec /usr/bin/python3 -I -S -c '${code}' "$@"\n`, {
      mode: 0o755,
    });
    expect(await findStarterProblem(python)).toBe(
      'python3(1) is older than 3.8, or its C library cannot start a session',
    );
    const pool = openPool({ python });
    for (let time = 0; time < 6; time += 1)
      expect(await run(pool, 'echo $PPID')).toMatchObject({
        end: { kind: 'exited', code: 0 },
        said: `${process.pid}\n`,
      });
  } finally {
    await rm(old, { recursive: true });
  }
});

test('a starter that became ready while the daemon stood still is not given up, then or later', async () => {
  const pool = openPool({ concurrency: 1 });
  await warmUp(pool);
  for (let time = 0; time < 2; time += 1) {
    const { parent } = await occupy(pool, 0.6);
    const after = run(pool, 'echo $PPID');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    expect((await after).said).toBe(await parent);
  }
});

test('jobs wait ever more rarely for a starter that a long job keeps', async () => {
  const pool = openPool({ concurrency: 1 });
  await warmUp(pool);
  const { parent } = await occupy(pool, 4);
  const ended = parent.then(() => true);
  let waits = 0;
  while (!(await Promise.race([ended, turn(false)]))) {
    const since = performance.now();
    await run(pool, 'sleep 0.05');
    if (performance.now() - since > 200) waits += 1;
  }
  expect(waits).toBeGreaterThan(0);
  expect(waits).toBeLessThan(7);
});

test('jobs wait again soon for a starter that was kept and has come free', async () => {
  const pool = openPool({ concurrency: 1 });
  await warmUp(pool);
  // However long nobody needed one before.
  const idle = await occupy(pool, 2.5);
  await idle.parent;
  const kept = await occupy(pool, 0.5);
  expect((await run(pool, 'echo $PPID')).said).toBe(`${process.pid}\n`);
  const starter = await kept.parent;
  await eventually(
    async () => {
      const { parent } = await occupy(pool, 0.1);
      const { said } = await run(pool, 'echo $PPID');
      return said === starter && (await parent) === starter;
    },
    'a job that waited',
    1_500,
  );
});

test('a program that leaves nobody behind is told from one that does', async () => {
  const pool = openPool();
  await warmUp(pool);
  expect((await run(pool, 'exit 3')).end).toStrictEqual({ kind: 'exited', code: 3, isAlone: true });
  const { end, said } = await run(pool, 'sleep 100 >/dev/null 2>&1 & echo $!');
  expect(end).toStrictEqual({ kind: 'exited', code: 0, isAlone: false });
  process.kill(Number(said), 'SIGKILL');
});

test('a brief program is over when it is first heard of, with all that it wrote', async () => {
  const pool = openPool();
  await warmUp(pool);
  const command = { ...PROGRAM, args: ['-c', 'echo a; echo b >&2; exit 3'] };
  const begun = await eventually(async () => {
    const child = await pool.start(command, folder);
    return 'kind' in child || child.pid !== undefined ? undefined : child;
  }, 'one that was not slow');
  expect({ ...begun, stdout: String(begun.stdout), stderr: String(begun.stderr) }).toStrictEqual({
    exit: { kind: 'exited', code: 3, isAlone: true },
    stdout: 'a\n',
    stderr: 'b\n',
  });
});

test('what others write when a brief program has ended is heard after its own words', async () => {
  const pool = openPool();
  await warmUp(pool);
  const escape = 'setsid sh -c "echo begun; sleep 0.3; echo late" &';
  const { end, said } = await run(pool, `echo own; ${escape} exit 0`);
  expect(end).toMatchObject({ kind: 'exited', code: 0 });
  expect(said).toMatch(/^own\n(begun\n)?(late\n)$/);
  expect(said).toContain('begun');
});

test('a program of which more comes than its pipe holds is heard while it runs', async () => {
  const pool = openPool();
  await warmUp(pool);
  expect((await run(pool, 'head -c 300000 /dev/zero')).said).toHaveLength(300_000);
});

test('no signal keeps a starter from telling that its program runs', async () => {
  const starter = await readyStarter();
  const script = `${UNDER_STARTER} while kill -CHLD $PPID; do :; done`;
  const child = await starter.start({ ...PROGRAM, args: ['-c', script] }, folder);
  if (child === undefined || 'kind' in child || child.pid === undefined) throw new Error('it runs');
  process.kill(child.pid, 'SIGKILL');
  expect(await child.exit).toMatchObject({ kind: 'killed', signal: 'SIGKILL' });
  await starter.end();
});

test.each([0, 1, 32_768, 32_769, 300_000])('%i bytes of input arrive', async (length) => {
  const pool = openPool();
  await warmUp(pool);
  const input = Buffer.alloc(length, 'x');
  const child = await pool.start({ ...PROGRAM, args: ['-c', 'sha1sum; wc -c </dev/stdin'], input }, folder);
  if ('kind' in child) throw new Error(JSON.stringify(child));
  const said = child.pid === undefined ? child.stdout.toString() : await text(child.stdout);
  expect(said).toBe(`${createHash('sha1').update(input).digest('hex')}  -\n${length}\n`);
});

test('input for which there is no room is told as not started, and never cut short', async () => {
  const starter = await readyStarter();
  // As where memory is short: a write takes what there is room for. Which of them is this one is not told.
  for (const pid of starters()) await promisify(execFile)('prlimit', ['--pid', String(pid), '--fsize=10000']);
  const input = Buffer.alloc(20_000, 'x');
  expect(await starter.start({ ...PROGRAM, input }, folder)).toMatchObject({
    kind: 'not-started',
    code: 'ENOSPC',
  });
  await starter.end();
});

test.each([
  ['a program that is not there', { file: '/nonexistent' }, 'ENOENT'],
  ['a program that is a folder', { file: '/' }, 'EACCES'],
  ['a folder that is not there', { cwd: '/nonexistent' }, 'ENOENT'],
  [
    'an environment that is too large',
    { env: Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`E${n}`, 'x'.repeat(100_000)])) },
    'E2BIG',
  ],
])('%s is told as not started, with the system’s error', async (_, changes, code) => {
  const starter = await readyStarter();
  expect(await starter.start({ ...PROGRAM, ...changes }, folder)).toMatchObject({
    kind: 'not-started',
    code,
  });
  await starter.end();
});

test('a program is lost with the starter that it was given to', async () => {
  const before = starters();
  const starter = await readyStarter();
  for (const pid of starters()) if (!before.includes(pid)) process.kill(pid, 'SIGSTOP');
  const starting = starter.start(PROGRAM, folder);
  await eventually(() => starter.isBusy, 'the command');
  await starter.end();
  expect(await starting).toMatchObject({ kind: 'lost' });
});

test('a program that holds up its starter is lost as soon as that is noticed', async () => {
  const pool = openPool({ lookEveryMs: 50 });
  await warmUp(pool);
  const { end } = await run(pool, `${UNDER_STARTER} kill -STOP $PPID; exit 3`);
  expect(end).toMatchObject({ kind: 'lost' });
  await warmUp(pool);
});

test('a long program is not taken for one that holds up its starter', async () => {
  const pool = openPool({ lookEveryMs: 100 });
  await warmUp(pool);
  expect((await run(pool, 'sleep 0.5; exit 3')).end).toMatchObject({ kind: 'exited', code: 3 });
});

test('starters that nobody needs are ended, and made again when they are needed', async () => {
  const before = starters();
  const pool = openPool({ lookEveryMs: 20 });
  for (let round = 0; round < 2; round += 1) {
    await warmUp(pool);
    await eventually(() => starters().every((pid) => before.includes(pid)), 'the end of the starters');
  }
});

test.each(['/nonexistent/python3', '/bin/false', '/usr/bin/yes'])(
  'where %s is all there is for python3(1), the daemon starts everything, and says so once',
  async (python) => {
    const lines: string[] = [];
    const pool = openPool({
      python,
      lookEveryMs: 20,
      log: (level, message) => lines.push(`${level}: ${message}`),
    });
    for (let round = 0; round < 5; round += 1)
      expect((await run(pool, 'echo $PPID')).said.trim()).toBe(String(process.pid));
    await eventually(() => lines.length > 0, 'what is said');
    expect((await run(pool, 'echo $PPID')).said.trim()).toBe(String(process.pid));
    expect(lines).toStrictEqual([
      expect.stringMatching(/^info: no warm start: .*; the daemon starts jobs itself/),
    ]);
  },
);

test('what the daemon was left open by whoever started it is not handed on to programs', async () => {
  const place = await mkdtemp(join(tmpdir(), 'rbit-starter-'));
  const python = join(place, 'python3');
  await writeFile(python, `#!/bin/sh\nexec /usr/bin/python3 "$@" 7>'${place}/left' 9<'${place}'\n`, {
    mode: 0o755,
  });
  const pool = openPool({ python });
  await warmUp(pool);
  expect((await run(pool, 'ls /proc/$$/fd')).said).toBe('0\n1\n2\n');
  await rm(place, { recursive: true });
});

test('what starters lack is found out', async () => {
  expect(await findStarterProblem()).toBeUndefined();
  expect(await findStarterProblem('/bin/false')).toMatch(/^\/bin\/false could not run .*starter\.py$/);
  expect(await findStarterProblem('/nonexistent/python3')).toContain('ENOENT');
});

import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RunnerError } from '../../../src/job/runner.ts';
import type { Limits } from '../../../src/processors/options.ts';
import { Launcher } from '../../../src/processors/limits/launcher.ts';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext, makeJob, makeRunner } from '../harness.ts';
import type { RunnerChanges } from '../make-runner.ts';

const isRoot = process.geteuid?.() === 0;
const NOBODY = Number(execFileSync('id', ['-u', 'nobody']));
const NOGROUP = Number(execFileSync('id', ['-g', 'nobody']));

/** The lines of a job that runs `command` within limits. */
async function linesOf(command: string, limits: Limits, env: Record<string, string> = {}): Promise<string[]> {
  const runner = makeRunner(`shell!${command}`, { limits, env, directory: '/' });
  await runner.start();
  const context = makeContext('the body');
  expect(await runner.run(makeJob(), context)).toEqual({ kind: 'completed' });
  await runner.stop();
  return context.lines;
}

function problemOf(limits: Limits): Promise<RunnerError> {
  return Launcher.open(limits).then(
    () => {
      throw new Error('nothing was wrong');
    },
    (error: unknown) => {
      if (error instanceof RunnerError) return error;
      throw error;
    },
  );
}

test.each<[Limits, string]>([
  [{ user: 'no-such-user' }, 'user = no-such-user: there is no such user'],
  [{ user: '--help' }, 'user = --help: there is no such user'],
  [{ user: '4294967295' }, 'user = 4294967295: there is no such user'],
  [{ group: 'no-such-group' }, 'group = no-such-group: there is no such group'],
])('whoever does not exist is told at the start: %j', async (limits, message) => {
  const error = await problemOf(limits);
  expect(error.message).toBe(message);
  expect(error.fix).toMatch(/getent/);
});

test.each([
  ['shell!if true', 'the shell refuses the command'],
  ['shell!eval %{x}', 'the argument of eval'],
  ['exec!echo "', 'is not closed'],
  ['exec!env %{x}', 'the place of the program'],
  ['coprocess!if true', 'the shell refuses the command'],
  ['python!nothing', 'names no callable'],
  ['module!./none.ts', 'there is no file'],
])('whoever does not exist is told together with what is wrong with the line: %s', async (line, problem) => {
  const limits = { user: 'no-such-user', group: 'no-such-group', nice: 5 };
  const start = makeRunner(line, { limits, isolation: 'process', directory: '/' }).start();
  const error: unknown = await start.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RunnerError);
  for (const words of [problem, 'there is no such user', 'there is no such group'])
    expect(String(error).split(words)).toHaveLength(2);
});

test('the daemon’s own user needs no right and changes nothing', async () => {
  const own = String(process.geteuid?.());
  const launcher = await Launcher.open({ user: own });
  expect(launcher.owner).toBeUndefined();
  const program = { file: '/bin/true', args: ['x'], env: { HOME: '/x' } };
  expect(launcher.prepare(program, 'run')).toMatchObject(program);
});

test.runIf(!isRoot)('another user needs root (not as root)', async () => {
  expect((await problemOf({ user: '1' })).message).toContain('only root can');
  expect((await problemOf({ group: '1' })).message).toContain('only root can');
  expect((await problemOf({ nice: -20 })).message).toContain('needs root');
});

describe.runIf(isRoot)('jobs of another user (as root)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbit-ts-user-'));
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'secret'), 'secret', { mode: 0o600 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('have its numbers and its groups, and none of the daemon’s', async () => {
    expect(await linesOf('id -u; id -g; id -G; id -ru', { user: 'nobody' })).toEqual(
      [NOBODY, NOGROUP, NOGROUP, NOBODY].map(String),
    );
  });

  test.each<[string, Limits, string]>([
    ['a number is as good as a name', { user: String(NOBODY) }, `${NOBODY} ${NOGROUP} ${NOGROUP}`],
    ['another group takes the place of its own', { user: 'nobody', group: 'daemon' }, `${NOBODY} 1 1`],
    ['a number that nobody has', { user: '54321', group: '54322' }, '54321 54322 54322'],
    ['a group alone', { group: '54322' }, '0 54322 54322'],
  ])('%s', async (_, limits, expected) => {
    expect(await linesOf('echo $(id -u) $(id -g) $(id -G)', limits)).toEqual([expected]);
  });

  test('a number that nobody has needs a group', async () => {
    expect(await problemOf({ user: '54321' })).toMatchObject({ fix: 'add group = …' });
  });

  test('cannot become the daemon again', async () => {
    const [line] = await linesOf('setpriv --reuid=0 --clear-groups id -u 2>/dev/null || echo no', {
      user: 'nobody',
    });
    expect(line).toBe('no');
  });

  test('find themselves in HOME, USER, LOGNAME and SHELL, unless env.NAME has it otherwise', async () => {
    const [, , , , , home, shell] = execFileSync('getent', ['passwd', 'nobody'], { encoding: 'utf8' })
      .trim()
      .split(':');
    const command = 'echo $HOME $USER $LOGNAME $SHELL';
    expect(await linesOf(command, { user: 'nobody' })).toEqual([`${home} nobody nobody ${shell}`]);
    expect(await linesOf(command, { user: 'nobody' }, { HOME: '/srv/x', USER: 'someone' })).toEqual([
      `/srv/x someone nobody ${shell}`,
    ]);
  });

  test('find there what env.NAME says, also when it says what the daemon has', async () => {
    const own = { HOME: process.env['HOME'] ?? '', USER: process.env['USER'] ?? '' };
    const told = { ...own, HOME: own.HOME || '/root', USER: own.USER || 'root' };
    expect(await linesOf('echo $HOME $USER', { user: 'nobody' }, told)).toEqual([
      `${told.HOME} ${told.USER}`,
    ]);
  });

  test.each(['shell!true', 'exec!true', 'coprocess!cat'])(
    'have what a loader heeds to themselves: nothing of the daemon loads what they chose (%s)',
    async (line) => {
      const debugged = await mkdtemp(join(folder, 'debug-'));
      await chmod(debugged, 0o777);
      // The loader of each program writes a file, as whoever it is.
      const env = { LD_DEBUG: 'libs', LD_DEBUG_OUTPUT: join(debugged, 'of') };
      const limits = { user: 'nobody', nice: -1, memory: 512 * 1024 * 1024 };
      const runner = makeRunner(line, { limits, env, directory: '/' });
      await runner.start();
      if (!line.startsWith('coprocess')) {
        expect(await runner.run(makeJob(), makeContext())).toEqual({ kind: 'completed' });
      }
      await runner.stop();
      const owners = (await readdir(debugged)).map((name) => statSync(join(debugged, name)).uid);
      expect(new Set(owners)).toEqual(new Set([NOBODY]));
    },
  );

  test('can open their streams by name', async () => {
    const command = 'cat /dev/stdin; echo; echo out > /dev/stdout; echo err > /dev/stderr';
    expect((await linesOf(command, { user: 'nobody' })).toSorted()).toEqual(['err', 'out', 'the body']);
  });

  test('read nothing that is the daemon’s alone', async () => {
    expect(await linesOf(`cat ${folder}/secret 2>/dev/null || echo no`, { user: 'nobody' })).toEqual(['no']);
  });

  test('neither list nor change the folder of their streams, and open nothing there', async () => {
    const command = `
      folder=$(dirname "$RBIT_REPORT")
      ls "$folder" 2>/dev/null && echo listed
      touch "$folder/new" 2>/dev/null && echo made
      mv "$RBIT_REPORT" "$folder/other" 2>/dev/null && echo moved
      ln -s /etc/passwd "$folder/link" 2>/dev/null && echo linked
      for n in $(seq 1 70); do
        [ "$folder/$n" != "$RBIT_REPORT" ] && { [ -r "$folder/$n" ] || [ -w "$folder/$n" ]; } && echo "$n"
      done
      echo "{\\"data\\": 1}" >> "$RBIT_REPORT" || echo no report
      echo done`;
    const runner = makeRunner(`shell!${command}`, { limits: { user: 'nobody' }, directory: '/' });
    await runner.start();
    const context = makeContext();
    expect(await runner.run(makeJob(), context)).toEqual({ kind: 'completed', data: 1 });
    expect(context.lines).toEqual(['done']);
  });

  test('are ended by an abort, wherever they have gone', async () => {
    const runner = makeRunner(
      `shell!trap "" TERM; echo $$; setsid sh -c 'echo $$; exec sleep 100' & setsid env -i sh -c 'echo $$; exec sleep 100' & wait; wait`,
      { limits: { user: 'nobody' }, directory: '/' },
    );
    await runner.start();
    const context = makeContext();
    const running = runner.run(makeJob(), context);
    await eventually(() => context.lines.length === 3, 'they say who they are');
    context.abort();
    expect((await running).kind).toBe('interrupted');
    for (const pid of context.lines) expect(await isAlive(Number(pid))).toBe(false);
  });

  test('a program that the user may not run makes the runner unavailable', async () => {
    const runner = makeRunner(`shell!exec ${folder}/secret`, { limits: { user: 'nobody' }, directory: '/' });
    await runner.start();
    expect((await runner.run(makeJob(), makeContext())).kind).toBe('unavailable');
  });
});

describe.runIf(isRoot)('what another user cannot do is told at the start (as root)', () => {
  let open: string;
  let closed: string;
  const limits = { user: 'nobody' };
  beforeAll(async () => {
    open = await mkdtemp(join(tmpdir(), 'rbit-ts-open-'));
    await chmod(open, 0o755);
    closed = join(open, 'closed');
    await mkdir(closed, { mode: 0o700 });
    for (const file of ['tool', 'only-here', 'runner.mjs', 'runner_py.py'])
      await writeFile(join(closed, file), '#!/bin/sh\necho closed\n', { mode: 0o755 });
    await writeFile(join(open, 'tool'), '#!/bin/sh\necho open\n', { mode: 0o755 });
    await writeFile(join(open, 'tool-of-root'), '#!/bin/sh\n', { mode: 0o744 });
    await writeFile(join(open, 'secret.mjs'), 'export default () => {}', { mode: 0o600 });
  });
  afterAll(() => rm(open, { recursive: true, force: true }));

  const refusalOf = (line: string, options: RunnerChanges): Promise<unknown> =>
    makeRunner(line, { limits, ...options })
      .start()
      .catch((error: unknown) => error);

  test.each<[string, RunnerChanges]>([
    ['shell!true', {}],
    ['exec!true', {}],
    ['coprocess!cat', {}],
    ['python!runner_py:f', {}],
    ['module!runner.mjs', { isolation: 'process' }],
  ])('the folder of %s, which they cannot enter', async (line, options) => {
    const refusal = await refusalOf(line, { directory: closed, ...options });
    expect(refusal).toBeInstanceOf(RunnerError);
    expect(refusal).toMatchObject({
      message: `cwd ${closed} cannot be entered as user nobody`,
      fix: expect.stringContaining('chmod') as string,
    });
  });

  test('a program, by its path or in PATH', async () => {
    const env = { PATH: `${closed}:/usr/bin:/bin` };
    const message = (path: string) => ({ message: `${path} cannot be executed as user nobody` });
    expect(await refusalOf('exec!only-here', { directory: '/', env })).toMatchObject(
      message(join(closed, 'only-here')),
    );
    expect(await refusalOf('exec!./tool-of-root', { directory: open })).toMatchObject(
      message(join(open, 'tool-of-root')),
    );
    expect(await refusalOf('exec!no-such-program-x', { directory: '/', env })).toMatchObject({
      message: 'there is no program no-such-program-x in PATH',
    });
  });

  test('the interpreter of python!', async () => {
    const python = join(open, 'tool-of-root');
    expect(await refusalOf('python!m:f', { directory: open, python })).toMatchObject({
      message: `there is no ${python} that can be executed as user nobody`,
      fix: expect.stringContaining('python = …') as string,
    });
  });

  test('a module, and the folder of one that is not found', async () => {
    const isolation = 'process';
    expect(await refusalOf('module!./secret.mjs', { directory: open, isolation })).toMatchObject({
      message: expect.stringContaining('as user nobody') as string,
    });
    expect(await refusalOf('python!runner_py:f', { directory: closed, cwd: '/' })).toMatchObject({
      message: expect.stringContaining(`${closed} cannot be read as user nobody`) as string,
    });
    expect(await refusalOf('module!no-package-x', { directory: closed, cwd: '/', isolation })).toMatchObject({
      message: expect.stringContaining('as user nobody') as string,
    });
  });

  test('of two programs of one name, they run the one that they can', async () => {
    const runner = makeRunner('exec!tool', { limits, directory: '/', env: { PATH: `${closed}:${open}` } });
    await runner.start();
    const context = makeContext();
    expect(await runner.run(makeJob(), context)).toEqual({ kind: 'completed' });
    expect(context.lines).toEqual(['open']);
  });

  test('a group alone can still do what the daemon’s user can', async () => {
    const runner = makeRunner('exec!./tool', { limits: { group: 'daemon' }, directory: closed });
    await runner.start();
  });
});

test.runIf(isRoot)('nice is where jobs are, not a step from where the daemon is (as root)', async () => {
  const before = getPriority();
  try {
    setPriority(5);
    expect(await linesOf('nice', { nice: 7 })).toEqual(['7']);
    expect(await linesOf('nice', { nice: -2 })).toEqual(['-2']);
  } finally {
    setPriority(before);
  }
});

test.runIf(isRoot)('all limits hold together (as root)', async () => {
  const limits = { user: 'nobody', group: 'daemon', nice: -3, memory: 512 * 1024 * 1024 };
  expect(await linesOf('echo $(id -u) $(id -g) $(nice)', limits)).toEqual([`${NOBODY} 1 -3`]);
});

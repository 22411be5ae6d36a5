import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAll } from '../../src/control/client.ts';
import type { DaemonStatus } from '../../src/job/status.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, type Started, start } from './submit-project.ts';

const UNTIL_GO = 'until test -e go; do sleep 0.05; done';

let project: Awaited<ReturnType<typeof makeProject>>;
let daemon: TestDaemon;

function starting(...args: readonly string[]): Started {
  return start(process.execPath, [CLI, ...args, '-c', project.ini]);
}

const call = (...args: readonly string[]): Promise<Ended> => starting(...args).ended;

/** What the commands ask for, without a process for each look. */
async function statuses(): Promise<DaemonStatus[]> {
  const asked = await askAll<'status'>(join(project.dir, 'state'), { command: 'status' }, 5_000);
  return asked.flatMap((one) => (one.kind === 'answer' ? [one.answer] : []));
}

async function statusOf(id: string): Promise<DaemonStatus['jobs'][0] | undefined> {
  const [status] = await statuses();
  return status?.jobs.find((job) => job.id === id);
}

beforeAll(async () => {
  project = await makeProject(`[rbit]
queue-mappings = long:long two:long gone:gone idle:idle
state-dir = state
[runner:long]
runner = shell!echo "line of %ID"; echo '{"progress":40,"message":"page 4"}' >> $RBIT_REPORT; ${UNTIL_GO}
[runner:idle]
runner = shell!true
[runner:gone]
runner = shell!test -e here || exit 127
`);
  daemon = await new TestDaemon([project.ini]).consuming('long', 'two', 'gone', 'idle');
});
afterAll(async () => {
  await daemon.stop();
  await project.remove();
});

describe('rbit-ts status', () => {
  it('shows daemon, queues and jobs, as a table and as JSON', async () => {
    await call('submit', 'long', '--id', 'first');
    await eventually(async () => (await statusOf('first'))?.lastLine !== undefined, 'the first line');
    await eventually(async () => (await statusOf('first'))?.progress !== undefined, 'the progress');
    expect(await statusOf('first')).toMatchObject({
      queue: 'long',
      runner: 'long',
      attempt: 1,
      state: 'running',
      progress: { percent: 40, message: 'page 4' },
      lastLine: 'line of first',
    });
    const json = JSON.parse((await call('status', '--json')).stdout) as unknown;
    expect(json).toStrictEqual({ daemons: await statuses() });
    const { code, stdout } = await call('status');
    expect(code).toBe(0);
    const [head, , ...lines] = stdout.split('\n');
    expect(head).toMatch(new RegExp(`^rbit-ts \\S+, process ${daemon.child.pid}, up \\S+: ${project.ini}$`));
    const cells = lines.map((line) => line.split(/ {2,}/));
    expect(cells).toContainEqual(['long', 'long', 'shell', '1', '0', '1', 'consuming']);
    expect(cells).toContainEqual([
      'first',
      'long',
      'long',
      '1',
      'running',
      expect.stringMatching(/s$/),
      '40% page 4',
      'line of first',
    ]);
  });

  it('is drawn anew on a terminal until Ctrl-C, which is no failure', async () => {
    const line = `stty cols 60 rows 20; echo $$ > watcher; exec '${process.execPath}' '${CLI}' status --watch -c '${project.ini}'`;
    const watching = start('sh', ['-c', 'cd "$0"; exec script -qec "$1" /dev/null', project.dir, line]);
    await eventually(() => watching.output.stdout.split('\u{1b}[J').length > 3, 'three frames');
    process.kill(Number(await readFile(join(project.dir, 'watcher'), 'utf8')), 'SIGINT');
    const { code, stdout } = await watching.ended;
    expect(code).toBe(0);
    const shown = stripVTControlCharacters(stdout).split(/[\r\n]+/);
    expect(shown.filter((one) => one.length > 59)).toStrictEqual([]);
    expect(shown.filter((one) => one.startsWith('queue ')).length).toBeGreaterThan(2);
  });

  it('watches nothing where there is no terminal', async () => {
    expect(await call('status', '--watch')).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^error: --watch needs a terminal .*\n$/),
    });
  });

  it('needs no more of the configuration than where the state is', async () => {
    const ini = join(project.dir, 'broken.ini');
    const mappings = '[rbit]\nqueue-mappings = a:nobody\n';
    await writeFile(ini, `${mappings}state-dir = state\n[amqp]\npassword = \${env:NOT_HERE}\n`);
    expect(await start(process.execPath, [CLI, 'status', '-c', ini]).ended).toMatchObject({ code: 0 });
    await writeFile(ini, `${mappings}state-dir = \${env:NOT_HERE}\n`);
    expect(await start(process.execPath, [CLI, 'status', '-c', ini]).ended).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(
        /^broken\.ini:3: \[rbit\] state-dir .*\n$|^.*broken\.ini:3: .*state-dir.*\n$/,
      ),
    });
  });

  it.each([
    ['status', []],
    ['cancel', ['x']],
    ['pause', ['q']],
    ['resume', ['q']],
    ['reload', []],
  ])('%s ends with 69 and one line when no daemon runs', async (command, args) => {
    const ini = join(project.dir, 'elsewhere.ini');
    await writeFile(ini, `[rbit]\nqueue-mappings = q:r\nstate-dir = none\n[runner:r]\nrunner = shell!true\n`);
    expect(await start(process.execPath, [CLI, command, ...args, '-c', ini]).ended).toStrictEqual({
      code: 69,
      stdout: '',
      stderr: `error: no daemon runs with the state folder ${join(project.dir, 'none')} (nobody listens on control.sock there); if name or state-dir has been changed, the daemon is still in the old folder: send it SIGHUP, or restart it\n`,
    });
  });
});

describe('rbit-ts pause and resume', () => {
  it('stop and go on with one queue; what runs goes on', async () => {
    const paused = await call('pause', 'idle');
    expect(paused).toMatchObject({
      code: 0,
      stdout: 'idle: paused until it is resumed, or the daemon restarted\n',
    });
    expect((await call('pause', 'idle')).stdout).toBe('idle: was paused already\n');
    await call('submit', 'idle', '--id', 'patient');
    const idle = async () => (await statuses())[0]?.queues.find(({ queue }) => queue === 'idle');
    expect(await idle()).toMatchObject({ state: 'paused', by: 'operator', waiting: 1, consumers: 0 });
    expect(await call('resume', 'idle')).toMatchObject({ code: 0, stdout: 'idle: resumed\n' });
    await daemon.logged(/job patient of idle completed/);
    expect((await call('resume', 'idle')).stdout).toBe('idle: was not paused\n');
    expect(daemon.log.filter(({ msg }) => /idle (paused|resumed) by an operator/.test(msg))).toHaveLength(2);
  });

  it('tries a runner that could not be started at once', async () => {
    await call('submit', 'gone', '--id', 'probe');
    await daemon.logged(/queue gone paused: .*next try in 2s/);
    await writeFile(join(project.dir, 'here'), '');
    // By a process of its own it might come after the timer.
    const request = { command: 'resume', queue: 'gone' } as const;
    expect(await askAll<'resume'>(join(project.dir, 'state'), request, 5_000)).toMatchObject([
      { answer: { kind: 'done', changed: true } },
    ]);
    await daemon.logged(/job probe of gone completed/);
  });

  it('know no queue but those of the daemon, and suggest the nearest', async () => {
    expect(await call('pause', 'idel')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'error: no queue idel is worked here (did you mean idle?)\n',
    });
  });
});

describe('rbit-ts cancel', () => {
  it('ends all jobs with an id, also one that waits for its slot, and only on the queue that is named', async () => {
    await call('submit', 'two', '--id', 'both');
    await eventually(async () => (await statusOf('both'))?.state === 'waiting', 'the job that waits');
    expect(await call('cancel', 'both', '--queue', 'long')).toMatchObject({ code: 1, stdout: '' });
    expect(await call('cancel', 'both')).toMatchObject({ code: 0, stdout: '1 job cancelled\n', stderr: '' });
    await daemon.logged(/job both of two failed .*: cancelled; message acknowledged/);
    expect((await call('cancel', 'first')).stdout).toBe('1 job cancelled\n');
    await daemon.logged(/job first of long failed .*: cancelled; message acknowledged/);
  });

  it('says so when there is none', async () => {
    expect(await call('cancel', 'nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: no job nobody is running or waits for its turn/),
    });
  });
});

describe('two daemons with one state folder', () => {
  it('are both shown, and both told', async () => {
    const second = await new TestDaemon([project.ini]).consuming('long', 'two', 'gone', 'idle');
    await eventually(async () => (await statuses()).length === 2, 'the second socket');
    expect((await statuses()).map(({ daemon: { pid } }) => pid)).toStrictEqual([
      daemon.child.pid,
      second.child.pid,
    ]);
    await call('pause', 'idle');
    expect((await statuses()).map(({ queues }) => queues.map(({ state }) => state).at(-1))).toStrictEqual([
      'paused',
      'paused',
    ]);
    await call('resume', 'idle');
    second.child.kill('SIGKILL');
    await second.exited;
    expect(await statuses()).toHaveLength(1);
  });
});

describe('a daemon whose state folder has a long path', () => {
  it('starts with a warning that says how to mend it', async () => {
    const long = join(project.dir, 'x'.repeat(100));
    await mkdir(long);
    const ini = join(long, 'worker.ini');
    await writeFile(ini, `[rbit]\nqueue-mappings = q:r\nstate-dir = s\n[runner:r]\nrunner = shell!true\n`);
    const other = await new TestDaemon([ini]).consuming('q');
    const { level } = await other.logged(/do not reach this daemon: .* set state-dir to a shorter path/);
    expect(level).toBe('warn');
    expect(await start(process.execPath, [CLI, 'status', '-c', ini]).ended).toMatchObject({ code: 69 });
    expect(await other.stop()).toBe(0);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readProcessTable } from '../../../src/processors/child/process-table.ts';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext, makeJob, makeRunner } from '../harness.ts';
import { run, UNDER_STARTER, startCold, starters, startWarm, warmUp } from './warm.ts';

const O_CLOEXEC = 0o2000000;
const LOST = 'how it ended is not known';

test('a job is the child of a starter, at the head of its own group and session', async () => {
  const runner = await startWarm();
  const { lines } = await run(
    runner,
    'cat /proc/$PPID/comm; read -r pid name state parent group session rest </proc/$$/stat; echo $pid $group $session $$',
  );
  const [parent, numbers = ''] = lines;
  expect(parent).toBe('rbit-ts starter');
  expect(new Set(numbers.split(' '))).toHaveLength(1);
});

test('a starter does not take the processor from the daemon; its jobs are as the daemon is', async () => {
  const runner = await startWarm();
  const policy = (pid: string): string => `sed 's/.*) //' /proc/${pid}/stat | cut -d' ' -f39`;
  const { lines } = await run(runner, `${policy('$PPID')}; ${policy('$$')}`);
  const [other, batch] = ['0', '3'];
  expect(lines).toStrictEqual([batch, other]);
});

/** What whoever started this process has left it, and Node hands on. A starter does not. */
function leftOpen(): string[] {
  const isHandedOn = (fd: string): boolean => {
    const [, flags = '0'] = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    return Number(fd) > 2 && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  };
  // The one by which they are listed is closed by then.
  return readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fdinfo/${fd}`) && isHandedOn(fd));
}

test('a job finds the same, whoever has started it', async () => {
  const script = `
    grep -E '^(Umask|Uid|Gid|Groups|Sig[^Q]|Shd|Cap|NoNewPrivs|Seccomp)' /proc/self/status
    cat /proc/$$/limits /proc/$$/cgroup /proc/$$/oom_score_adj /proc/$$/autogroup
    ls /proc/$$/fd
    sed -n '/flags/s/.*\\(.\\)$/mode \\1/p' /proc/$$/fdinfo/[012]
    cut -d' ' -f41 /proc/self/stat
    nice; pwd; echo "$0" "$#"
    env | grep -vE '^RBIT_(RUN|REPORT)=' | sort`;
  const [warm, cold] = [await startWarm(), await startCold()];
  const found = await run(warm, script);
  expect(found.outcome).toStrictEqual({ kind: 'completed' });
  const others = leftOpen();
  const own = (lines: readonly string[]): string[] => lines.filter((line) => !others.includes(line));
  const foundCold = await run(cold, script);
  expect(comparable(own(found.lines))).toStrictEqual(comparable(own(foundCold.lines)));
});

test('each end is told exactly', async () => {
  const [warm, cold] = [await startWarm(), await startCold()];
  for (const script of [
    'exit 0',
    'exit 1',
    'exit 255',
    'exit 137',
    ...['KILL', 'TERM', 'SEGV', 'ABRT', 'INT', 'HUP', 'PIPE', 'USR1'].map((name) => `kill -${name} $$`),
  ])
    expect(await run(warm, `echo said >&2; ${script}`), script).toStrictEqual(
      await run(cold, `echo said >&2; ${script}`),
    );
});

test('nothing of one job’s environment is seen by the next', async () => {
  const runner = makeRunner('shell!env', { concurrency: 1 });
  await runner.start();
  const variables = async (correlationId: string | undefined): Promise<string[]> => {
    const context = makeContext();
    await runner.run(makeJob({}, correlationId === undefined ? {} : { correlationId }), context);
    return context.lines.filter((line) => line.startsWith('RBIT_CORRELATION_ID'));
  };
  for (let round = 0; round < 5; round += 1) {
    expect(await variables(`c-${round}`)).toStrictEqual([`RBIT_CORRELATION_ID=c-${round}`]);
    expect(await variables(undefined)).toStrictEqual([]);
  }
});

test('a value reaches its program as it is', async () => {
  const values = [
    '',
    ' ',
    '=',
    'a=b',
    "'",
    '"',
    '\\',
    '$(exit 3)',
    '`',
    '-n',
    '\n',
    'ü€😀',
    '\u0080',
    'x'.repeat(100_000),
  ];
  const runner = makeRunner('exec!/usr/bin/printf "[%%s]" %{one} %{two}', { concurrency: 1 });
  await runner.start();
  for (const [index, one] of values.entries()) {
    const two = values.at(index - 1) ?? '';
    const context = makeContext();
    expect(await runner.run(makeJob({ one, two }), context)).toStrictEqual({ kind: 'completed' });
    const printed = context.lines.join('\n');
    if (printed.length < 1_000) expect(printed).toBe(`[${one}][${two}]`);
    else expect(printed.slice(0, 60_000)).toBe(`[${one}][${two}]`.slice(0, 60_000));
  }
});

test('a program that cannot be started any more is unavailable; values too large for it are the job’s failure', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'rbit-cwd-'));
  const runner = makeRunner('shell!echo $PPID %{a} %{b} >/dev/null; echo $PPID', { cwd, concurrency: 1 });
  await runner.start();
  const work = async (a: string): Promise<unknown> => {
    const context = makeContext();
    const outcome = await runner.run(makeJob({ a, b: a }), context);
    return outcome.kind === 'completed' ? context.lines[0] : outcome;
  };
  await eventually(async () => (await work('')) !== String(process.pid), 'a starter');
  const large = Array.from({ length: 60 }, (_, n) => [`env${n}`, 'x'.repeat(100_000)] as const);
  const full = await startWarm({ env: {} });
  expect((await run(full, 'exit 0')).outcome).toStrictEqual({ kind: 'completed' });
  const tooLarge = makeRunner('shell!true', { env: Object.fromEntries(large), concurrency: 1 });
  await tooLarge.start();
  for (let round = 0; round < 3; round += 1)
    expect((await run(tooLarge, '')).outcome).toMatchObject({
      kind: 'failed',
      retryable: false,
      message: expect.stringContaining('too large together') as string,
    });
  rmSync(cwd, { recursive: true });
  expect(await work('')).toStrictEqual({
    kind: 'unavailable',
    reason: `could not be started: cwd ${cwd} is not there`,
  });
});

test('a job that kills its parent is told as lost, harms no other one, and the next are started as before', async () => {
  const runner = await startWarm();
  const others = [1, 2, 3].map(() => run(runner, 'echo begun; sleep 0.5; exit 7'));
  let context = makeContext();
  const outcome = await eventually(async () => {
    context = makeContext(`${UNDER_STARTER} sleep 100 & echo $!; kill -KILL $PPID; sleep 100`);
    const { outcome: found } = await run(runner, '', context);
    return JSON.stringify(found).includes('exit code 99') ? undefined : found;
  }, 'a job of a starter');
  expect(outcome).toMatchObject({
    kind: 'failed',
    retryable: true,
    message: expect.stringContaining(LOST) as string,
  });
  expect(await isAlive(Number(context.lines[0]))).toBe(false);
  for (const { outcome: other } of await Promise.all(others))
    expect(other).toMatchObject({ kind: 'failed', message: 'exit code 7' });
  await warmUp(runner);
});

test('a job that tells its parent to end, or its siblings, harms nobody', async () => {
  const runner = await startWarm();
  const script = `${UNDER_STARTER} kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID; pkill -USR1 -P $PPID -f nobody; sleep 0.2; exit 7`;
  const said = await Promise.all([1, 2, 3].map(() => run(runner, script)));
  const messages = said.map(({ outcome }) => 'message' in outcome && outcome.message);
  expect(messages).toContain('exit code 7');
  expect(messages.filter((message) => message !== 'exit code 7' && message !== 'exit code 99')).toStrictEqual(
    [],
  );
});

test('starters that are killed while they wait are replaced', async () => {
  const runner = await startWarm();
  for (const pid of starters()) process.kill(pid, 'SIGKILL');
  await eventually(() => starters().length === 0, 'their end');
  await warmUp(runner);
});

test('a job that is aborted while it is being started does not run on', async () => {
  const runner = await startWarm({ concurrency: 1 });
  for (const turns of [0, 1, 2, 3, 5, 8, 13, 21]) {
    const context = makeContext('echo $$; exec sleep 100');
    const running = runner.run(makeJob(), context);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    context.abort();
    expect((await running).kind).toBe('interrupted');
    const pid = Number(context.lines[0] ?? 0);
    if (pid > 0) expect(await isAlive(pid)).toBe(false);
  }
});

test('more jobs at once than there are starters run all the same', async () => {
  const runner = await startWarm({ concurrency: 40 });
  const said = await Promise.all(Array.from({ length: 40 }, (_, n) => run(runner, `sleep 0.5; echo ${n}`)));
  expect(said.map(({ lines }) => lines)).toStrictEqual(said.map((_, n) => [String(n)]));
});

test('a daemon that is killed leaves no starter, but for that of a job that runs on, until that ends', async () => {
  const script = `
    const { makeUnwatchedRunner, makeContext, makeJob } = await import('${new URL('../make-runner.ts', import.meta.url).href}');
    const runner = makeUnwatchedRunner('shell!exec sh', {});
    await runner.start();
    const run = (script) => { const context = makeContext(script); return runner.run(makeJob(), context).then(() => context.lines[0]); };
    while (await run('echo $PPID') === String(process.pid));
    await Promise.all([1, 2, 3, 4].map(() => run('sleep 0.1')));
    const runLong = () => run('grep -q "rbit-ts starter" /proc/$PPID/comm && exec sleep 100').then(runLong);
    void runLong();
    console.log('ready');
    setInterval(() => {}, 1000);
  `;
  const daemon = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(daemon.stdout, 'data');
  const pid = daemon.pid ?? expect.fail('it runs');
  const left = await eventually(() => {
    const found = starters(pid);
    return found.length > 1 && isBusy(found) ? found : undefined;
  }, 'its starters, one of which is busy');
  daemon.kill('SIGKILL');
  const alive = async (): Promise<number[]> => {
    const found = await Promise.all(left.map(async (one) => ((await isAlive(one)) ? [one] : [])));
    return found.flat();
  };
  await eventually(async () => (await alive()).length === 1, 'one of them is left');
  const [busy] = await alive();
  spawn('pkill', ['-KILL', '-P', String(busy)]);
  await eventually(async () => (await alive()).length === 0, 'the end of the last one');
});

function isBusy(pids: readonly number[]): boolean {
  return readProcessTable().some(({ parent, program }) => program === 'sleep' && pids.includes(parent));
}

/** Signals 32 and 33, which the C library keeps for itself: posix_spawn(3) has a program ignore them until it is in use. */
const OF_LIBRARY = 0b11n << 31n;

function comparable(lines: readonly string[]): string[] {
  return lines
    .filter((line) => !line.startsWith('/autogroup'))
    .map((line) => {
      const [, ignored] = /^SigIgn:\t(\w+)$/.exec(line) ?? [];
      return ignored === undefined ? line : `SigIgn ${BigInt(`0x${ignored}`) & ~OF_LIBRARY}`;
    });
}

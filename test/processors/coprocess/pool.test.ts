import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext, makeJob } from '../make-runner.ts';
import { DONE, makePool, pidOf, speak, startPool } from './make-coprocess.ts';

const completed = { kind: 'completed' };
const crash = (message: string): object => ({ kind: 'failed', retryable: true, message });

test.each([
  ['an exit code', [{ err: 'one\ntwo\n' }, { exit: 3 }], 'the process ended: exit code 3: one\ntwo'],
  ['exit code 0', [{ exit: 0 }], 'the process ended: exit code 0'],
  ['a signal', [{ kill: 'SIGSEGV' }], 'the process ended: killed by SIGSEGV'],
  ['closing its answers', [{ close: 1 }, { forever: true }], 'the process closed the stream of its answers'],
])(
  'a process that ends in the middle of a job has crashed, and is replaced: %s',
  async (_name, steps, message) => {
    const { pool } = await startPool();
    const pid = await pidOf(pool);
    expect(await speak(pool, steps)).toEqual(expect.objectContaining(crash(message)));
    await eventually(async () => !(await isAlive(pid)), 'the process is gone');
    expect(await pidOf(pool)).not.toBe(pid);
  },
);

test('only what a job itself has written to stderr explains its crash', async () => {
  const { pool } = await startPool();
  await speak(pool, [{ err: 'of the first job\n' }, DONE]);
  expect(await speak(pool, [{ err: 'why\n' }, { exit: 1 }])).toMatchObject(
    crash('the process ended: exit code 1: why'),
  );
});

test('an answer that was written before the end counts, even without a line end', async () => {
  const { pool } = await startPool();
  expect(await speak(pool, [{ raw: DONE }, { exit: 1 }])).toEqual(completed);
});

test('a process that ended while it had no job is replaced when it is missed', async () => {
  const { pool, log } = await startPool();
  const pid = await pidOf(pool);
  process.kill(pid, 'SIGKILL');
  await eventually(() => log.some(({ level }) => level === 'warn'), 'the warning');
  expect(log).toMatchObject([
    {
      message: 'a coprocess ended while it had no job',
      fields: { reason: 'the process ended: killed by SIGKILL' },
    },
  ]);
  expect(await pidOf(pool)).not.toBe(pid);
});

test('a job that ends its process as the first one of it has crashed', async () => {
  const { pool } = await startPool();
  expect(await speak(pool, [{ exit: 3 }])).toMatchObject(crash('the process ended: exit code 3'));
  expect(await speak(pool, [{ exit: 3 }])).toMatchObject(crash('the process ended: exit code 3'));
  expect(await speak(pool, [DONE])).toEqual(completed);
});

test.each([
  ['ends at once', 'echo no database >&2; exit 1', 'exit code 1: no database'],
  ['does not exist', 'exec 2>&-; no-such-program', 'exit code 127'],
  ['does not read', 'exec <&-; sleep 0.1; exit 2', 'exit code 2'],
])('a program that %s is unavailable, and burns no job', async (_name, script, reason) => {
  const { pool } = await startPool({ command: { file: '/bin/sh', args: ['-c', script] } });
  for (let n = 0; n < 3; n++) {
    expect(await speak(pool, [DONE])).toEqual({
      kind: 'unavailable',
      reason: expect.stringMatching(`the process ended: (${reason}|killed by SIGTERM)`) as string,
    });
  }
});

test('a program that cannot be spawned is a mistake of the runner', async () => {
  const { pool } = makePool({ command: { file: '/no/such/program', args: [] } });
  await expect(pool.start()).rejects.toThrow(/could not be started: .*ENOENT/);
});

test('a process that ends before it is ready is a mistake of the runner', async () => {
  const { pool } = makePool({ announces: true, env: { FIRST_EXIT: '1' } });
  await expect(pool.start()).rejects.toThrow('the process ended: exit code 1');
});

test('a pool that was not started, or was stopped, works nothing', async () => {
  const { pool } = makePool();
  expect((await speak(pool, [DONE])).kind).toBe('unavailable');
  await pool.start();
  await pool.stop();
  expect((await speak(pool, [DONE])).kind).toBe('unavailable');
});

test('there are as many processes as there may be, and who comes later waits for one', async () => {
  const { pool } = await startPool({ size: 2 });
  const waiting = [makeContext(), makeContext()];
  const runs = waiting.map((context) => speak(pool, ['waiting', { forever: true }], context));
  await eventually(() => waiting.every(({ lines }) => lines.length > 0), 'both run');
  const given = makeContext();
  const givenUp = speak(pool, [DONE], given);
  const third = speak(pool, [DONE]);
  given.abort();
  expect((await givenUp).kind).toBe('interrupted');
  waiting[0]?.abort();
  expect(await third).toEqual(completed);
  waiting[1]?.abort();
  await Promise.all(runs);
});

test('after so many jobs a process is replaced, and ends by itself', async () => {
  const { pool, log } = await startPool({ maxJobs: 2 });
  const pids: unknown[] = [];
  for (let n = 0; n < 5; n++) pids.push(await pidOf(pool));
  expect(new Set(pids).size).toBe(3);
  expect(pids[0]).toBe(pids[1]);
  expect(pids[2]).toBe(pids[3]);
  await eventually(async () => !(await isAlive(Number(pids[0]))), 'the first process has ended');
  expect(log).toEqual([]);
});

test('a process that asks for it is replaced', async () => {
  const { pool } = await startPool();
  const pid = await pidOf(pool);
  expect(await speak(pool, ['{"run":"$RUN","completed":true,"retire":true}'])).toEqual(completed);
  expect(await pidOf(pool)).not.toBe(pid);
  await eventually(async () => !(await isAlive(pid)), 'it has ended by itself');
});

test('the next job does not wait for the end of a process that is replaced', async () => {
  const { pool } = await startPool({ maxJobs: 1, killGraceMs: 5_000 });
  const context = makeContext();
  await speak(pool, [{ tell: 'pid' }, { ignore: 'SIGTERM' }, DONE, { forever: true }], context);
  const start = performance.now();
  expect(await speak(pool, [DONE])).toEqual(completed);
  expect(performance.now() - start).toBeLessThan(2_000);
  process.kill(Number(context.lines[0]), 'SIGKILL');
});

test.each(['abort', 'stop', 'crash'])(
  'what a job has started is gone after %s, also what called setsid',
  async (how) => {
    const { pool } = await startPool();
    const context = makeContext();
    const run = speak(
      pool,
      [
        { spawn: { command: 'exec sleep 100' } },
        { spawn: { command: 'trap "" TERM; while :; do sleep 1; done', options: { detached: true } } },
        ...(how === 'abort' ? [{ forever: true }] : how === 'stop' ? [DONE] : [{ exit: 1 }]),
      ],
      context,
    );
    await eventually(() => context.lines.length === 2, 'both have started');
    if (how === 'abort') context.abort();
    await run;
    if (how === 'stop') await pool.stop();
    for (const pid of context.lines) expect(await isAlive(Number(pid))).toBe(false);
  },
);

test('an aborted job is over when its process is gone, whether that heeds it or not', async () => {
  const { pool } = await startPool();
  for (const steps of [[], [{ ignore: 'SIGTERM' }]]) {
    const context = makeContext();
    const run = speak(pool, [...steps, { tell: 'pid' }, { forever: true }], context);
    await eventually(() => context.lines.length > 0, 'it runs');
    context.abort();
    expect((await run).kind).toBe('interrupted');
    expect(await isAlive(Number(context.lines[0]))).toBe(false);
  }
  expect(await speak(pool, [DONE])).toEqual(completed);
});

test('an abort while a process gets ready does not wait for it', async () => {
  const { pool } = await startPool({ announces: true, maxJobs: 1, env: { FIRST: '{"ready":true}' } });
  expect(await speak(pool, [DONE])).toEqual(completed);
  const context = makeContext();
  const run = speak(pool, [DONE], context);
  context.abort();
  expect((await run).kind).toBe('interrupted');
  expect(await speak(pool, [DONE])).toEqual(completed);
});

test('a stop asks a process that does not see the end of its input to end, long before kill-grace is over', async () => {
  const script = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
  const { pool } = await startPool({ killGraceMs: 30_000, command: { file: 'sh', args: ['-c', script] } });
  const start = performance.now();
  await pool.stop();
  expect(performance.now() - start).toBeLessThan(10_000);
});

test('a stop lets a process end by itself, and then ends it', async () => {
  const { pool, log } = await startPool({ size: 2 });
  const context = makeContext();
  const pids = [await pidOf(pool)];
  await speak(pool, [{ tell: 'pid' }, { ignore: 'SIGTERM' }, DONE, { forever: true }], context);
  pids.push(Number(context.lines[0]));
  await pool.stop();
  for (const pid of pids) expect(await isAlive(pid)).toBe(false);
  expect(log).toEqual([]);
});

test('a large request that nobody reads holds nobody up, and its process is replaced', async () => {
  const { pool } = await startPool({
    size: 2,
    command: { file: 'sh', args: ['-c', 'echo started >&2; exec sleep 100'] },
  });
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(64 * 1024 * 1024) }));
  const context = makeContext(body);
  const run = pool.run(makeJob({}), context);
  const { pool: other } = await startPool();
  expect(await speak(other, [DONE])).toEqual(completed);
  context.abort();
  expect((await run).kind).toBe('interrupted');
});

test('an answer that comes before the request was read ends the job, and its process', async () => {
  const script =
    'r=$(head -c 200 | sed \'s/.*"run":"//;s/".*//\'); echo "{\\"run\\":\\"$r\\",\\"output\\":\\"$$\\",\\"completed\\":true}"; exec sleep 100';
  const { pool } = await startPool({ command: { file: 'sh', args: ['-c', script] } });
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(8 * 1024 * 1024) }));
  const pids: unknown[] = [];
  for (let n = 0; n < 2; n++) {
    const context = makeContext(body);
    expect(await pool.run(makeJob({}), context)).toEqual(completed);
    pids.push(context.lines[0]);
  }
  expect(pids[0]).not.toBe(pids[1]);
});

test('a process that ends while it reads a large request has crashed: another one would do so, too', async () => {
  const { pool } = await startPool({
    command: { file: 'sh', args: ['-c', 'head -c 100000 >&2; exit 3'] },
  });
  const context = makeContext(Buffer.from(JSON.stringify({ text: 'x'.repeat(8 * 1024 * 1024) })));
  expect(await pool.run(makeJob({}), context)).toMatchObject({ kind: 'failed', retryable: true });
});

test('64 MiB of input arrive', async () => {
  const { pool } = await startPool();
  const size = 64 * 1024 * 1024;
  const steps = `[{"tell":"job.body.text.length"},"{\\"run\\":\\"$RUN\\",\\"completed\\":true}"]`;
  const context = makeContext(`{"text":"${'x'.repeat(size)}","parameters":{"steps":${steps}}}`);
  expect(await pool.run(makeJob({}), context)).toEqual(completed);
  expect(context.lines).toEqual([String(size)]);
});

test('2,000 jobs go through one process quickly, and leave nothing open', async () => {
  const { pool } = await startPool();
  const context = makeContext();
  const pid = await pidOf(pool);
  const descriptors = readdirSync('/proc/self/fd').length;
  const start = performance.now();
  for (let n = 0; n < 2_000; n++) {
    const outcome = await speak(pool, [DONE], context);
    if (outcome.kind !== 'completed') expect(outcome).toEqual(completed);
  }
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(readdirSync('/proc/self/fd').length).toBe(descriptors);
  expect(await pidOf(pool)).toBe(pid);
});

import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CoprocessPool } from '../../../src/processors/coprocess/coprocess-pool.ts';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext } from '../make-runner.ts';
import { DONE, pidOf, speak, startPool } from './make-coprocess.ts';

const completed = { kind: 'completed' };

test('of processes that take their time to end there are as many as those that work; the next job waits for a place', async () => {
  const { pool } = await startPool({ maxJobs: 1, killGraceMs: 800 });
  const pids: number[] = [];
  for (let n = 0; n < 4; n++) {
    const context = makeContext();
    await speak(pool, [{ tell: 'pid' }, { ignore: 'SIGTERM' }, DONE, { forever: true }], context);
    pids.push(Number(context.lines[0]));
    const alive = await Promise.all(pids.map((pid) => isAlive(pid)));
    expect(alive.filter(Boolean).length).toBeLessThanOrEqual(2);
  }
});

test('a job that waits for a place can be ended at once', async () => {
  const { pool } = await startPool({ maxJobs: 1, killGraceMs: 30_000 });
  const held = [makeContext(), makeContext()];
  for (const context of held)
    await speak(pool, [{ tell: 'pid' }, { ignore: 'SIGTERM' }, DONE, { forever: true }], context);
  const waiting = makeContext();
  const run = speak(pool, [DONE], waiting);
  await nextTurn();
  waiting.abort();
  expect((await run).kind).toBe('interrupted');
  const [first, second] = held.map(({ lines }) => Number(lines[0]));
  const next = speak(pool, [DONE]);
  process.kill(first ?? 0, 'SIGKILL');
  expect(await next).toEqual(completed);
  process.kill(second ?? 0, 'SIGKILL');
});

describe('while a process starts', () => {
  let folder: string;
  let gate: string;
  let starts: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbit-test-'));
    gate = join(folder, 'gate');
    starts = join(folder, 'starts');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A pool whose first process was ready, and has ended; the next one will be when the gate is gone. */
  async function startGated(): Promise<CoprocessPool> {
    const script = `echo "$$" >> ${starts}; while [ -e ${gate} ]; do sleep 0.02; done; exec ${process.execPath} coprocess/speak.mjs`;
    const { pool } = await startPool({
      command: { file: 'sh', args: ['-c', script] },
      announces: true,
      maxJobs: 1,
      env: { FIRST: '{"ready":true}' },
    });
    const pid = await pidOf(pool);
    await eventually(async () => !(await isAlive(pid)), 'the first process has ended');
    await writeFile(gate, '');
    return pool;
  }

  test('jobs that are given up start no more: the process is the next one’s', async () => {
    const pool = await startGated();
    for (let n = 0; n < 5; n++) {
      const context = makeContext();
      const run = speak(pool, [DONE], context);
      await eventually(async () => (await readFile(starts, 'utf8')).split('\n').length === 3, 'the start');
      context.abort();
      expect((await run).kind).toBe('interrupted');
    }
    const next = speak(pool, [DONE]);
    await rm(gate);
    expect(await next).toEqual(completed);
    expect((await readFile(starts, 'utf8')).split('\n')).toHaveLength(3);
  });

  test('the job that waits for it shows signs of life, since it cannot speak', async () => {
    const pool = await startGated();
    let signs = 0;
    const context = makeContext();
    const run = speak(pool, [DONE], { ...context, heard: () => signs++ });
    await eventually(() => signs > 0, 'a sign of life');
    await rm(gate);
    expect(await run).toEqual(completed);
  });
});

test('a process starts although somebody has tidied up the folder for temporary files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rbit-test-'));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  const { pool } = await startPool({ maxJobs: 1 });
  for (let n = 0; n < 3; n++) {
    for (const name of readdirSync(folder)) await rm(join(folder, name), { recursive: true });
    expect(await speak(pool, [DONE])).toEqual(completed);
  }
  process.env['TMPDIR'] = before ?? '';
  if (before === undefined) delete process.env['TMPDIR'];
  await pool.stop();
  await rm(folder, { recursive: true });
});

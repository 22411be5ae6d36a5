import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readProcessTable, wasStartedWith } from '../../src/processors/child/process-table.ts';
import { eventually } from '../support/eventually.ts';
import { type Started, start } from './submit-project.ts';

const DEMO = fileURLToPath(new URL('../../src/cli/demo.ts', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbit-demo-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A demo whose temporary files all lie in one folder. */
function startDemo(): Started {
  return start(process.execPath, [DEMO], '', { TMPDIR: folder, STATE_DIRECTORY: join(folder, 'no') });
}

/** Processes that know the folder, and what is in it. */
async function leftovers(): Promise<unknown[]> {
  const processes = readProcessTable().filter(({ pid }) => wasStartedWith(pid, `TMPDIR=${folder}`));
  return [...processes, ...(await readdir(folder))];
}

it('the demo shows jobs as a user would see them, ends well, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await startDemo().ended;
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
  for (const line of [
    /^\$ npx rbit-ts rbit\.example\.ini$/m,
    /^\$ npx rbit-ts submit worker\.words --set 'parameters\.text=to be or not to be' --wait /m,
    /^output job .* from worker\.words: 6 words$/m,
    /^completed \{"greeting":"Hello, Ada!"\}$/m,
    /^failed: exit code 1: no text to count$/m,
    /^ {4}info .* blocked after .*; message put back for /m,
    /^output it is \d{4}-/m,
    /^ {4}info .* \(attempt 2\) completed /m,
    /^ {4}info SIGTERM: no new jobs/m,
    /^ {4}info stopped$/m,
  ])
    expect(stdout).toMatch(line);
  expect(await leftovers()).toStrictEqual([]);
}, 60_000);

it('Ctrl-C in the middle of the demo ends it with 130, and leaves nothing behind', async () => {
  const { child, output, ended } = startDemo();
  await eventually(() => output.stdout.includes('submit worker.not-before'), 'a job that waits', 30_000);
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
  expect(await leftovers()).toStrictEqual([]);
}, 60_000);

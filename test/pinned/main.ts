import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { statementsOf } from './statements.ts';

/*
 * Takes each statement of the path of a job out, one at a time, in a copy of this project, and names the test that
 * fails. Exit status 1 when there is a statement that no test misses.
 *
 *   npm run pinned                      src/worker/perform.ts, run-in-turn.ts, answer.ts and settle.ts
 *   npm run pinned -- src/worker/x.ts   other files
 */

const FILES = ['perform', 'run-in-turn', 'answer', 'settle'].map((name) => `src/worker/${name}.ts`);
const QUICK = ['test/worker', 'test/journal'];
const SLOW = [
  'test/e2e/lifecycle',
  'test/e2e/journal',
  'test/e2e/options',
  'test/e2e/jobs',
  'test/e2e/drain',
];
const LIMIT_MS = 300_000;

const root = resolve(import.meta.dirname, '../..');
const copy = mkdtempSync(join(tmpdir(), 'rbit-ts-pinned-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const name of [
  'src',
  'test',
  'runners',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'rbit.example.ini',
])
  cpSync(join(root, name), join(copy, name), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

const files = process.argv.length > 2 ? process.argv.slice(2) : FILES;
let unmissed = 0;
for (const file of files) {
  process.stdout.write(`\n| ${file} | the test that fails without it |\n| --- | --- |\n`);
  const path = join(copy, file);
  const source = readFileSync(path, 'utf8');
  for (const { from, to, text } of statementsOf(source)) {
    const without = source.split('\n').filter((_, index) => index < from - 1 || index >= to);
    writeFileSync(path, without.join('\n'));
    const failed = (await firstFailure(QUICK)) ?? (await firstFailure(SLOW));
    if (failed === undefined) unmissed += 1;
    process.stdout.write(`| ${from}: \`${text.replaceAll('|', '\\|')}\` | ${failed ?? '**none**'} |\n`);
  }
  writeFileSync(path, source);
}
process.stdout.write(
  unmissed === 0 ? '\nEvery statement is missed.\n' : `\n${unmissed} are missed by no test.\n`,
);
process.exitCode = unmissed === 0 ? 0 : 1;

/** Title of the first test that fails; undefined when all pass. */
async function firstFailure(tests: readonly string[]): Promise<string | undefined> {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = ['run', '--bail', '1', '--reporter=json', `--outputFile=${report}`, ...tests];
  // In a group of its own: what a test that was cut short has left running ends with it.
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: copy,
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, CI: undefined },
  });
  const tooLong = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(tooLong);
  endGroup(child.pid);
  return code === 0 ? undefined : (titleOfFailure(report) ?? 'every file: it cannot be loaded');
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function titleOfFailure(report: string): string | undefined {
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    return testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .find(({ status }) => status === 'failed')?.fullName;
  } catch {
    return undefined;
  }
}

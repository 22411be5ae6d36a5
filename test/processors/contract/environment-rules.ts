import { expect } from 'vitest';
import { makeContext, type RunnerChanges } from '../make-runner.ts';
import { act, type Rule, type Trial } from './rule.ts';

/** Base, ours, and what a shell and Python set themselves. */
const ALLOWED =
  /^(RBIT_\w+|EXTRA|PATH|HOME|LANG|LC_\w+|TZ|USER|LOGNAME|SHELL|TMPDIR|PWD|OLDPWD|SHLVL|_|PYTHON\w+)$/;

async function readEnvironment(
  { startRunner }: Trial,
  changes: RunnerChanges,
): Promise<Readonly<Record<string, string>>> {
  const runner = await startRunner(changes);
  const context = makeContext();
  expect(await act(runner, 'environment', '', context)).toMatchObject({ kind: 'completed' });
  return Object.fromEntries(
    context.lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
}

export const environmentRules: readonly Rule[] = [
  {
    title: 'its environment is the base, env.* and RBIT_*, and no secret of the daemon',
    needs: 'an environment of its own',
    check: async (trial) => {
      process.env['FAKE_SECRET'] = 'hunter2';
      try {
        const found = await readEnvironment(trial, { env: { EXTRA: 'yes' } });
        expect(found).toMatchObject({ EXTRA: 'yes', PATH: process.env['PATH'] });
        expect(Object.keys(found).filter((name) => !ALLOWED.test(name))).toStrictEqual([]);
        expect(JSON.stringify(found)).not.toContain('hunter2');
      } finally {
        delete process.env['FAKE_SECRET'];
      }
    },
  },
  {
    title: 'no setting can hide what its processes are known by',
    needs: 'processes of its own',
    check: async (trial) => {
      const found = await readEnvironment(trial, { env: { RBIT_RUN: 'mine' } });
      expect(found['RBIT_RUN']).toMatch(/^[0-9a-f-]{36}$/);
    },
  },
];

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readProcessTable } from '../../../src/processors/child/process-table.ts';
import { eventually } from '../../support/eventually.ts';
import { isAlive, makeContext } from '../make-runner.ts';
import { act, expectToRunOn, type Rule } from './rule.ts';

const PIPES_LIMIT_MS = 5_000;

function endsWithItsJob(title: string, what: string): Rule {
  return {
    title,
    needs: 'processes of its own',
    check: async ({ runner }) => {
      const context = makeContext();
      const run = act(runner, what, '', context);
      const pid = Number(await eventually(() => context.lines[0], 'its number'));
      expect(await isAlive(pid)).toBe(true);
      context.abort();
      await run;
      expect(await isAlive(pid)).toBe(false);
    },
  };
}

export const processRules: readonly Rule[] = [
  endsWithItsJob('an aborted job leaves no process of its group', 'spawn'),
  endsWithItsJob('an aborted job leaves no process that ignores TERM', 'spawn-stubborn'),
  endsWithItsJob('an aborted job leaves no process that has called setsid', 'spawn-apart'),
  {
    title: 'a process that a job has left running holds up nothing, and is ended',
    needs: 'processes of its own',
    check: async ({ subject, startRunner }) => {
      const runner = await startRunner({ concurrency: 1, threads: 1 });
      const context = makeContext();
      const start = performance.now();
      expect(await act(runner, 'leave', '', context)).toStrictEqual({ kind: 'completed' });
      expect(performance.now() - start).toBeLessThan(PIPES_LIMIT_MS);
      const pid = Number(context.lines[0]);
      if (subject.leavings === 'end with the job') expect(await isAlive(pid)).toBe(false);
      await expectToRunOn(runner);
      await runner.stop();
      expect(await isAlive(pid)).toBe(false);
    },
  },
  {
    title: 'a job that closes its standard streams goes on',
    needs: 'streams of its own',
    check: async ({ startRunner }) => {
      const folder = await mkdtemp(join(tmpdir(), 'rbit-closed-'));
      const runner = await startRunner({ concurrency: 1 });
      const file = join(folder, 'went-on');
      expect(await act(runner, 'close-pipes', file)).toStrictEqual({ kind: 'completed' });
      expect(await readFile(file, 'utf8')).toBe('yes\n');
      await expectToRunOn(runner);
      await rm(folder, { recursive: true });
    },
  },
  {
    title: 'a runner that has stopped has no process left',
    check: async ({ startRunner }) => {
      const before = new Set(children());
      const runner = await startRunner({});
      await Promise.all(Array.from({ length: 4 }, () => act(runner, 'names', 'x')));
      await runner.stop();
      expect(children().filter((pid) => !before.has(pid))).toStrictEqual([]);
    },
  },
];

function children(): number[] {
  return readProcessTable()
    .filter(({ parent, isZombie }) => parent === process.pid && !isZombie)
    .map(({ pid }) => pid);
}

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { runChild } from '../../../src/processors/child/run.ts';
import { spawnChild, type StartChild } from '../../../src/processors/child/start.ts';
import { StdioFolder } from '../../../src/processors/child/stdio-folder.ts';
import { Launcher } from '../../../src/processors/limits/launcher.ts';
import { makeContext } from '../make-runner.ts';

/** Long before this, a stream that nobody closes is given up. */
const AT_ONCE_MS = 900;

/** As slow as a daemon that has much to do: all is over when it hears that a program has begun. */
const startLate: StartChild = async (command, folder) => {
  const child = await spawnChild(command, folder);
  if ('kind' in child) return child;
  const closed = [child.stdout, child.stderr].map((stream) => {
    stream.read(0);
    return once(stream, 'close');
  });
  await Promise.all(closed);
  await child.exit;
  return child;
};

test('a program that has ended in silence before it is looked at keeps nobody waiting', async () => {
  const folder = new StdioFolder();
  await folder.open();
  const launcher = await Launcher.open({});
  const start = performance.now();
  const program = { file: '/bin/true', args: [], env: {} };
  const codes = { successCodes: [0], blockedCodes: [], unavailableCodes: [] };
  const outcome = await runChild({ program, cwd: '/', job: 'job-1' }, makeContext(), {
    ...codes,
    killGraceMs: 100,
    launcher,
    folder,
    start: startLate,
  });
  expect(outcome).toStrictEqual({ kind: 'completed' });
  expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
  await folder.close();
});

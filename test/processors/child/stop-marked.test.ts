import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { stopTree } from '../../../src/processors/child/stop.ts';
import { isAlive } from '../harness.ts';

async function start(env: Record<string, string>): Promise<{ pid: number; child: number }> {
  const shell = spawn('sh', ['-c', 'env -i sleep 100 & echo $!; wait'], {
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  const [line] = (await once(shell.stdout, 'data')) as [Buffer];
  return { pid: Number(shell.pid), child: Number(String(line)) };
}

test('a tree without a head is whoever carries the marker, and their children', async () => {
  const run = randomUUID();
  const ours = await start({ RBIT_RUN: run });
  const others = await start({ RBIT_RUN: randomUUID() });
  const isGone = await stopTree({ marker: `RBIT_RUN=${run}`, killGraceMs: 300, includesEscaped: () => true });
  try {
    expect(isGone).toBe(true);
    expect([await isAlive(ours.pid), await isAlive(ours.child)]).toEqual([false, false]);
    expect([await isAlive(others.pid), await isAlive(others.child)]).toEqual([true, true]);
  } finally {
    process.kill(others.child, 'SIGKILL');
    process.kill(others.pid, 'SIGKILL');
  }
});

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import type { Sample } from '../measure.ts';
import { treeCpuMs } from '../procfs.ts';
import { inTime } from './drain.ts';

const PROGRAM = fileURLToPath(new URL('../programs/spawner.mjs', import.meta.url));

/** Runs a command by Node's spawn, without any broker: what a daemon that forks can reach at most. */
export async function spawnMany(
  command: readonly string[],
  { jobs, atOnce }: { jobs: number; atOnce: number },
): Promise<Sample> {
  const spawner = startChild(process.execPath, [PROGRAM, String(jobs), String(atOnce), ...command], {
    ipc: true,
  });
  try {
    const told = inTime(Promise.race([once(spawner.process, 'message'), spawner.failed]), 'spawning');
    const [{ seconds }] = (await told) as [{ seconds: number }];
    return { rate: jobs / seconds, cpu: (treeCpuMs(spawner.pid) * 1000) / jobs };
  } finally {
    await spawner.stop();
  }
}

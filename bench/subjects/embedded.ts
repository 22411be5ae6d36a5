import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Broker } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { type Child, startChild } from '../child.ts';
import { now } from '../clock.ts';
import type { Sample } from '../measure.ts';
import { residentMib, treeCpuMs } from '../procfs.ts';
import type { Stage } from '../stage.ts';
import { WARM_UP_SHARE } from '../warm-up.ts';
import { inTime } from './drain.ts';
import { JOB } from './embedded-job.ts';
import { type NoopRunner, noopRunners, startRbit } from './rbit.ts';

const PROGRAM = fileURLToPath(new URL('../programs/bare-sqlite.ts', import.meta.url));
const CHUNK = 1000;
const LOOK_MS = 10;

interface Load {
  readonly jobs: number;
  readonly atOnce: number;
}

/** The same transactions without a daemon. */
export async function runBareSqlite(stage: Stage, { jobs, atOnce }: Load): Promise<Sample> {
  return stage.inFolder(async (folder) => {
    const child = startChild(process.execPath, [PROGRAM, folder, String(jobs), String(atOnce)], {
      ipc: true,
    });
    try {
      const told = inTime(Promise.race([once(child.process, 'message'), child.failed]), 'bare SQLite');
      const [{ seconds }] = (await told) as [{ seconds: number }];
      return { rate: jobs / seconds };
    } finally {
      await child.stop();
    }
  });
}

/** Lets a daemon drain an embedded queue that was filled before. */
export async function drainEmbedded(stage: Stage, name: NoopRunner, { jobs, atOnce }: Load): Promise<Sample> {
  return stage.inFolder(async (folder) => {
    const broker = createEmbeddedBroker({
      file: join(folder, 'queue.sqlite'),
      exchange: 'rbit',
      queues: new Map(),
    });
    broker.start();
    try {
      await fill(broker, jobs);
      const place = { url: '', queue: 'jobs', atOnce, folder };
      const worker = startRbit(stage, place, noopRunners[name](), { isEmbedded: true });
      try {
        return await inTime(Promise.race([measure(broker, worker, jobs), worker.failed]), 'draining');
      } finally {
        await worker.stop();
      }
    } finally {
      await broker.close(2000);
    }
  });
}

async function fill(broker: Broker, jobs: number): Promise<void> {
  await broker.prepare('jobs');
  await broker.prepare('replies');
  for (let sent = 0; sent < jobs; sent += CHUNK) {
    const some = Array.from({ length: Math.min(CHUNK, jobs - sent) }, () =>
      broker.publish({ exchange: '', routingKey: 'jobs', ...JOB }),
    );
    await Promise.all(some);
  }
}

/** Counts the replies while they are written, two a job; looking costs the daemon nothing. */
async function measure(broker: Broker, worker: Child, jobs: number): Promise<Sample> {
  const seen = async (): Promise<{ done: number; at: number; cpuMs: number }> => ({
    done: ((await broker.count('replies')) ?? 0) / 2,
    at: now(),
    cpuMs: treeCpuMs(worker.pid),
  });
  const reach = async (done: number) => {
    for (let last = await seen(); ; last = await seen()) {
      if (last.done >= done) return last;
      await wait(LOOK_MS);
    }
  };
  const from = await reach(jobs * WARM_UP_SHARE);
  const to = await reach(jobs);
  const measured = to.done - from.done;
  return {
    rate: (measured * 1000) / (to.at - from.at),
    cpu: ((to.cpuMs - from.cpuMs) * 1000) / measured,
    rss: residentMib(worker.pid),
  };
}

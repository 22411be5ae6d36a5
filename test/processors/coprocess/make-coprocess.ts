import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { CoprocessOptions } from '../../../src/processors/coprocess/coprocess-options.ts';
import { CoprocessPool } from '../../../src/processors/coprocess/coprocess-pool.ts';
import { FIXTURES, type LogLine, makeContext, makeJob, type Watched } from '../make-runner.ts';

/** What the program speak.mjs does: a text is an answer, `$RUN` in it the run. */
export type Step = string | Readonly<Record<string, unknown>>;

export const DONE = '{"run":"$RUN","completed":true}';

/** A pool of speak.mjs, and the log of it. Stopped after the test. */
export function makePool(changes: Partial<CoprocessOptions> = {}): { pool: CoprocessPool; log: LogLine[] } {
  const log: LogLine[] = [];
  const pool = new CoprocessPool({
    command: { file: process.execPath, args: [join(FIXTURES, 'coprocess/speak.mjs')] },
    cwd: FIXTURES,
    settings: {},
    limits: {},
    size: 1,
    maxJobs: 0,
    killGraceMs: 300,
    channel: 'standard',
    announces: false,
    log: (level, message, fields) => log.push({ level, message, fields }),
    ...changes,
    env: {
      ...(changes.channel === 'apart' ? { CHANNEL: 'apart' } : {}),
      ...(process.env['PATH'] === undefined ? {} : { PATH: process.env['PATH'] }),
      ...changes.env,
    },
  });
  pools.push(pool);
  return { pool, log };
}

export async function startPool(
  changes: Partial<CoprocessOptions> = {},
): Promise<{ pool: CoprocessPool; log: LogLine[] }> {
  const made = makePool(changes);
  await made.pool.start();
  return made;
}

/** Has one job worked, step by step. */
export function speak(
  pool: CoprocessPool,
  steps: readonly Step[],
  context: Watched = makeContext(),
): Promise<Outcome> {
  return pool.run(makeJob({ parameters: { steps } }), context);
}

/** The number of the process that works the next job. */
export async function pidOf(pool: CoprocessPool): Promise<number> {
  const context = makeContext();
  await speak(pool, [{ tell: 'pid' }, DONE], context);
  return Number(context.lines[0]);
}

const pools: CoprocessPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});

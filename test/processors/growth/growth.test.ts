import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { subjects } from '../contract/subjects.ts';
import { COUNTED } from './figures.ts';
import { runMany } from './run-many.ts';

const WARM_UP = 200;
const JOBS = 300;
/** A tenth of this is what collections leave by chance. */
const HEAP_BYTES = 2 * 1024 * 1024;

const parent = process.env['TMPDIR'];
const folder = mkdtempSync(join(tmpdir(), 'rbit-growth-'));
beforeAll(() => {
  process.env['TMPDIR'] = folder;
});
afterAll(() => {
  if (parent === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = parent;
  rmSync(folder, { recursive: true });
});

test.each(Object.values(subjects))(
  `${JOBS} jobs of $name leave no descriptor, process, thread, listener or file`,
  { timeout: 60_000 },
  async (subject) => {
    const { before, after } = await runMany(subject, WARM_UP, JOBS);
    for (const name of COUNTED) expect(after[name], name).toBeLessThanOrEqual(before[name]);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(HEAP_BYTES);
  },
);

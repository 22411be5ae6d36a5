import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pairedRatios, quantile } from '../bench/measure.ts';
import { amqpUrl } from './support/amqp-url.ts';

const LIMIT_MS = 240_000;
const run = promisify(execFile);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbit-bench-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Report {
  readonly cases: readonly {
    readonly name: string;
    readonly error?: string;
    readonly samples: Readonly<Record<string, readonly Readonly<Record<string, number | null>>[]>>;
  }[];
}

test(
  'every kind of benchmark still runs, and each subject shows a figure',
  async () => {
    const json = join(folder, 'report.json');
    const args = ['bench/main.ts', '--quick', '--url', await amqpUrl(), '--json', json];
    const { stdout } = await run(process.execPath, args, { timeout: LIMIT_MS }).catch((error: unknown) => {
      throw new Error(String((error as { stdout?: string }).stdout), { cause: error });
    });
    const { cases }: Report = JSON.parse(await readFile(json, 'utf8'));
    expect(cases.map(({ name }) => name)).toStrictEqual([
      'throughput-10',
      'latency',
      'shell-8',
      'event-loop',
      'embedded-10',
      'start',
      'memory',
      'dropped',
    ]);
    for (const { name, samples } of cases) {
      expect(stdout).toContain(`${name}: `);
      for (const [subject, [sample = {}]] of Object.entries(samples))
        expect(Object.values(sample)[0], `${name}, ${subject}`).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);

test('a case that there is not is refused, with those that there are', async () => {
  const asked = run(process.execPath, ['bench/main.ts', '--only', 'nothing']);
  await expect(asked).rejects.toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/there is no case nothing: throughput-1 /),
  });
});

test('a ratio is of what was measured in the same round, less what has nothing to do with it', () => {
  expect(pairedRatios([10, 40], [20, 20])).toStrictEqual([0.5, 2]);
  expect(pairedRatios([11, 12], [21, 42], [1, 2])).toStrictEqual([0.5, 0.25]);
});

test('a median lies in the middle of two, and a quantile between its neighbours', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([1, 2, 3], 0.99)).toBeCloseTo(2.98);
  expect(quantile([], 0.5)).toBeNaN();
});

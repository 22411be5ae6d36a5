// What 10,000 short jobs leave behind in the daemon's process, for each processor.
//
//   npm run bench:growth [-- --jobs 10000 --only python,exec]
//
// Jobs run ten at once, each within its limits as a worker would run it: most end at once, well or not, and every
// hundredth is ended before it has. Figures are taken after 500 jobs, which warm up, and after the others; memory
// after a garbage collection.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { subjects } from '../test/processors/contract/subjects.ts';
import { COUNTED, type Figures } from '../test/processors/growth/figures.ts';
import { runMany } from '../test/processors/growth/run-many.ts';

const WARM_UP = 500;
const USAGE = `usage: npm run bench:growth [-- --jobs 10000 --only ${Object.keys(subjects).join(',')}]`;

/** How many jobs, and which processors: all of them if none is named. Ends the process where there is nothing to do. */
function readArguments(): { jobs: number; only: readonly string[] } {
  const { jobs, only, help } = readOptions();
  if (help === true) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  const names = (only ?? '').split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !Object.hasOwn(subjects, name));
  if (unknown !== undefined) refuse(`there is no processor ${unknown}`);
  const count = Number(jobs ?? 10_000);
  if (!Number.isSafeInteger(count) || count < 1) refuse(`--jobs ${jobs} is no number of jobs`);
  return { jobs: count, only: names };
}

function readOptions(): { jobs?: string; only?: string; help?: boolean } {
  try {
    const options = {
      jobs: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean' },
    } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(why: string): never {
  process.stderr.write(`${why.split('\n')[0]} (${USAGE})\n`);
  process.exit(64);
}

const { jobs, only } = readArguments();

const columns: ReadonlyArray<readonly [keyof Figures, string]> = [
  ...COUNTED.map((name) => [name, name] as const),
  ['heapBytes', 'heap MiB'],
  ['rssBytes', 'RSS MiB'],
  ['childRssBytes', 'RSS of children'],
];

const folder = mkdtempSync(join(tmpdir(), 'rbit-growth-'));
process.env['TMPDIR'] = folder;
const print = (text: string): boolean => process.stdout.write(`${text}\n`);

print(`before → after ${jobs} jobs\n`);
print(
  ['processor'.padEnd(17), 'jobs/s'.padStart(7), ...columns.map(([, title]) => title.padStart(16))].join(''),
);
try {
  for (const [key, subject] of Object.entries(subjects)) {
    if (only.length > 0 && !only.includes(key)) continue;
    const { before, after, jobsPerSecond } = await runMany(subject, WARM_UP, jobs);
    const cells = columns.map(([name]) => `${format(name, before)} → ${format(name, after)}`.padStart(16));
    print([subject.name.padEnd(17), String(Math.round(jobsPerSecond)).padStart(7), ...cells].join(''));
  }
} finally {
  rmSync(folder, { recursive: true });
}

function format(name: keyof Figures, figures: Figures): string {
  const value = figures[name];
  return name.endsWith('Bytes') ? (value / 1024 / 1024).toFixed(1) : String(value);
}

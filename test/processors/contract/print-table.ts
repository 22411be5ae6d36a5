// Tries every rule on every processor, and prints the table of what came out.
//
//   npm run contract

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { readTitle } from './not-here.ts';
import { outputMiBOf, subjects } from './subjects.ts';

/** What is read of vitest's JSON report. */
interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly Result[];
  }>;
}
interface Result {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly status: string;
  readonly duration?: number;
  readonly failureMessages: readonly string[];
}

const report = runSuite();
const columns = Object.entries(subjects).map(([file, { name }]) => {
  const found = report.testResults.find((result) => basename(result.name) === `${file}.test.ts`);
  return { name, message: found?.message ?? 'its tests did not run', results: found?.assertionResults ?? [] };
});
const reasons: string[] = [];
const rows = new Map<string, string>();
for (const { results } of columns)
  for (const { title, ancestorTitles } of results)
    rows.set(readTitle(title).rule, ancestorTitles.at(-1) ?? '');

printTable();
process.exitCode = columns.every(({ results }) => results.length > 0 && results.every(isFine)) ? 0 : 1;

function runSuite(): Report {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-contract-'));
  const file = join(folder, 'report.json');
  try {
    const args = ['vitest', 'run', 'test/processors/contract', '--reporter=json', `--outputFile=${file}`];
    spawnSync('npx', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function printTable(): void {
  const title = Math.max(...[...rows.keys()].map((rule) => rule.length)) + 4;
  const widths = columns.map(({ name }) => Math.max(name.length, 9) + 2);
  const print = (first: string, cells: readonly string[]): boolean =>
    process.stdout.write(
      `${first.padEnd(title)}${cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('')}\n`,
    );
  print(
    '',
    columns.map(({ name }) => name),
  );
  let group = '';
  for (const [rule, itsGroup] of rows) {
    if (itsGroup !== group) print(`\n${itsGroup}`, []);
    group = itsGroup;
    print(
      `  ${rule}`,
      columns.map(({ results }) => cellOf(results, rule)),
    );
  }
  process.stdout.write('\n');
  for (const [index, reason] of reasons.entries())
    process.stdout.write(`[${index + 1}] not here: ${reason}\n`);
  const streamed = Object.values(subjects).map((subject) => `${subject.name} ${outputMiBOf(subject)} MiB`);
  process.stdout.write(`\nmilliseconds beside each; streamed: ${streamed.join(', ')}\n`);
  for (const { name, message, results } of columns) {
    if (results.length === 0) process.stdout.write(`\n${name}: ${message}\n`);
    for (const { title: rule, failureMessages } of results.filter((result) => !isFine(result)))
      process.stdout.write(`\n${name}: ${rule}\n${failureMessages.join('\n')}\n`);
  }
}

/** How long it took, in milliseconds, if the rule holds. */
function cellOf(results: readonly Result[], rule: string): string {
  const result = results.find(({ title }) => readTitle(title).rule === rule);
  if (result === undefined) return '?';
  const { reason } = readTitle(result.title);
  if (reason !== undefined) return `[${numberOf(reason)}]`;
  return isFine(result) ? `ok ${Math.round(result.duration ?? 0)}` : 'FAILED';
}

function numberOf(reason: string): number {
  if (!reasons.includes(reason)) reasons.push(reason);
  return reasons.indexOf(reason) + 1;
}

function isFine({ title, status }: Result): boolean {
  return status === 'passed' || readTitle(title).reason !== undefined;
}

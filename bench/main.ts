// What rbit-ts costs, side by side with what it could cost at best. README.md in this folder says what is compared with
// what; `npm run bench -- --help` how to ask for a part of it.

import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { randomFrom } from '../test/support/random.ts';
import { type Arguments, readArguments, USAGE } from './arguments.ts';
import { allCases } from './cases/all.ts';
import { type Case, runCase, type Subject } from './comparison.ts';
import { openProgress } from './progress.ts';
import { judge, table, verdicts } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import { findPeers } from './subjects/peers.ts';

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

const options = readArguments();
if (options === undefined) {
  for (const { name, about } of allCases(undefined)) say(`${name.padEnd(18)} ${about}`);
} else {
  // Its own end ends the children, RabbitMQ's included.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.exitCode = (await main(options)) ? 0 : 1;
}

/** Resolves with false when something did not run; a target that is not met is no failure. */
async function main(asked: Arguments): Promise<boolean> {
  const peers = asked.hasPeers ? findPeers() : undefined;
  const cases = choose(allCases(peers), asked);
  say(
    `${asked.rounds} rounds, seed ${asked.seed}, Node ${process.versions.node}, ${availableParallelism()} cores`,
  );
  say('Medians [lowest to highest]; ratios are of runs in the same round.\n');
  for (const missing of peers?.missing ?? []) say(`not installed: ${missing}\n`);

  const { stage, other, close } = openStage(asked);
  const progress = openProgress(process.stderr);
  const random = randomFrom(asked.seed);
  const reports: unknown[] = [];
  let isWhole = true;
  try {
    for (const one of cases.map((some) => narrow(some, asked)).map((some) => double(some, other))) {
      const { rounds, isQuick } = asked;
      const onRun = (round: number, subject: string): void =>
        progress.show(`${one.name}  round ${round} of ${rounds}  ${subject}`);
      try {
        const results = await runCase(one, stage, { rounds, warmsUp: !isQuick, random, onRun });
        const judgements = judge(one, results);
        progress.clear();
        say(`${one.name}: ${one.about}\n${table(one, results)}`);
        say(isQuick ? '' : `${verdicts(judgements)}\n`);
        reports.push({ name: one.name, samples: Object.fromEntries(results), targets: judgements });
      } catch (error) {
        progress.clear();
        isWhole = false;
        say(`DID NOT RUN: ${(error as Error).message}\n`);
        reports.push({ name: one.name, error: (error as Error).message });
      }
    }
  } finally {
    await close();
  }
  if (asked.json !== undefined)
    await writeFile(
      asked.json,
      `${JSON.stringify({ node: process.versions.node, asked, cases: reports }, null, 2)}\n`,
    );
  return isWhole;
}

function choose(cases: readonly Case[], { only, isLong, isQuick }: Arguments): readonly Case[] {
  const isMeant = (text: string, { name }: Case): boolean =>
    cases.some((one) => one.name === text) ? name === text : name.startsWith(text);
  const unknown = only.find((text) => !cases.some((one) => isMeant(text, one)));
  if (unknown !== undefined) {
    process.stderr.write(
      `there is no case ${unknown}: ${cases.map(({ name }) => name).join(' ')}\n\n${USAGE}`,
    );
    process.exit(64);
  }
  if (only.length > 0) return cases.filter((one) => only.some((text) => isMeant(text, one)));
  return cases.filter((one) => (isLong || one.isLong !== true) && !(isQuick && one.quick === 'none'));
}

/** Leaves out the subjects that were not asked for, but for what they are compared with. */
function narrow(one: Case, { subjects, isQuick }: Arguments): Case {
  if (subjects.length > 0) {
    const isNeeded = ({ name }: Subject): boolean =>
      name === one.base || subjects.some((prefix) => name.startsWith(prefix));
    return { ...one, subjects: one.subjects.filter(isNeeded) };
  }
  if (!isQuick || typeof one.quick === 'string') return one;
  const { quick } = one;
  return { ...one, subjects: one.subjects.filter(({ name }) => quick.includes(name)) };
}

/** Has everything of ours run from the other build as well, and compares the two. */
function double(one: Case, other: Stage | undefined): Case {
  if (other === undefined) return one;
  const again = one.subjects
    .filter(({ isOurs }) => isOurs === true)
    .map((subject) => ({ ...subject, name: `${subject.name}, other build`, run: () => subject.run(other) }));
  const [figure] = one.figures;
  const comparisons = again.map(({ name }) => ({
    subject: name.replace(', other build', ''),
    figure,
    against: name,
  }));
  return { ...one, subjects: [...one.subjects, ...again], targets: [...one.targets, ...comparisons] };
}

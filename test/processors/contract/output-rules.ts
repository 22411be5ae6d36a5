import { expect } from 'vitest';
import { collectGarbage } from '../../support/collect-garbage.ts';
import { makeContext, type Watched } from '../make-runner.ts';
import { act, MIB, type Rule, type Trial } from './rule.ts';
import { outputMiBOf } from './subjects.ts';

/** What the daemon may hold of what a job prints, however much that is. */
const MOST_HELD = 32 * MIB;
/** The same with what nobody has collected yet, and with its threads. */
const MOST_RESIDENT = 256 * MIB;
/** How often memory is looked at, which takes as long as printing a few MiB. */
const LOOKS = 8;
const FLOOD_LIMIT_MS = 180_000;

export const outputRules: readonly Rule[] = [
  {
    title: 'output comes as whole lines: with CRLF, with characters in pieces, the last one without its end',
    check: async ({ runner }) => {
      const contexts = [makeContext(), makeContext(), makeContext()];
      await Promise.all(contexts.map((context) => act(runner, 'output', '', context)));
      for (const { lines } of contexts) expect(lines).toStrictEqual(['one', 'three', 'ünï', '', 'last']);
    },
  },
  {
    title: 'a line that lacks its end is not joined with the next job',
    check: async ({ startRunner }) => {
      const runner = await startRunner({ concurrency: 1, threads: 1 });
      for (let round = 0; round < 2; round += 1) {
        const context = makeContext();
        await act(runner, 'output', '', context);
        expect(context.lines).toStrictEqual(['one', 'three', 'ünï', '', 'last']);
      }
    },
  },
  {
    title: '20 jobs at once have each their own lines',
    check: async ({ runner }) => {
      const contexts = Array.from({ length: 20 }, () => makeContext());
      await Promise.all(contexts.map((context, index) => act(runner, 'names', `job ${index}`, context)));
      for (const [index, { lines }] of contexts.entries())
        expect(lines).toStrictEqual([1, 2, 3, 4, 5].map((n) => `job ${index} ${n}`));
    },
  },
  {
    title: 'a line of more than 64 KiB is cut, with a mark',
    check: async ({ runner }) => {
      const context = makeContext();
      await act(runner, 'huge-line', '', context);
      expect(context.lines).toStrictEqual([expect.stringMatching(/^x{65536} … \[cut.*\]$/), 'after']);
    },
  },
  {
    title: 'output is streamed, not kept, however much it is',
    limitMs: FLOOD_LIMIT_MS,
    check: (trial) => expectStreamed(trial, 'much-output', outputMiBOf(trial.subject)),
  },
  {
    title: 'a flood on stderr neither stops a job nor fills the memory',
    limitMs: FLOOD_LIMIT_MS,
    check: (trial) => expectStreamed(trial, 'flood-stderr', 32),
  },
];

async function expectStreamed({ runner }: Trial, what: string, mebibytes: number): Promise<void> {
  let size = 0;
  let [mostHeld, mostResident] = [0, 0];
  const look = (): void => {
    mostResident = Math.max(mostResident, process.memoryUsage.rss());
    mostHeld = Math.max(mostHeld, held());
  };
  const [heldBefore, residentBefore] = [held(), process.memoryUsage.rss()];
  const context: Watched = {
    ...makeContext(),
    output: (line) => {
      if (line === 'done') return line;
      size += line.length + 1;
      if (size % ((mebibytes / LOOKS) * MIB) === 0) look();
      return line;
    },
  };
  expect(await act(runner, what, mebibytes, context)).toStrictEqual({ kind: 'completed' });
  expect(size).toBe(mebibytes * MIB);
  expect(mostHeld - heldBefore).toBeLessThan(MOST_HELD);
  expect(mostResident - residentBefore).toBeLessThan(MOST_RESIDENT);
}

/** Bytes of this process that are in use, apart from threads. */
function held(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

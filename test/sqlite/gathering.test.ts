import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Gathering } from '../../src/sqlite/gathering.ts';

/** Starts with so many; then each turn brings so many more. Returns how many there were when it began, turn for turn. */
async function gather(first: number, more: readonly number[]): Promise<(number | undefined)[]> {
  let count = first;
  let begun: number | undefined;
  const gathering = new Gathering(
    () => count,
    () => {
      begun = count;
    },
  );
  gathering.start();
  const seen: (number | undefined)[] = [];
  for (const several of [0, ...more]) {
    count += several;
    await nextTurn();
    seen.push(begun);
  }
  return seen;
}

describe('what is to be written', () => {
  test('by one job is written at the end of its turn', async () => {
    expect(await gather(2, [])).toStrictEqual([2]);
  });

  test('by several waits until a turn has brought no more', async () => {
    expect(await gather(5, [3, 0, 1])).toStrictEqual([undefined, undefined, 8, 8]);
  });

  test('waits for two turns at most, however much each of them brings', async () => {
    expect(await gather(5, [1, 1, 1])).toStrictEqual([undefined, undefined, 7, 7]);
  });

  test('waits for nothing once it is much', async () => {
    expect(await gather(20, [44])).toStrictEqual([undefined, 64]);
  });

  test('is written by itself after a while where nobody waits for it', async () => {
    const begun = Promise.withResolvers<void>();
    new Gathering(() => 1, begun.resolve).startLater();
    await expect(begun.promise).resolves.toBeUndefined();
  });

  test('is not written when it is stopped', async () => {
    let isBegun = false;
    const gathering = new Gathering(
      () => 5,
      () => {
        isBegun = true;
      },
    );
    gathering.start();
    await nextTurn();
    gathering.stop();
    await nextTurn();
    await nextTurn();
    expect(isBegun).toBe(false);
  });
});

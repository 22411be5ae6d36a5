import { expect, it } from 'vitest';
import { upTo } from '../../src/worker/output-limit.ts';

function heard(maxBytes: number | undefined, lines: readonly string[]): string[] {
  const found: string[] = [];
  const take = upTo(maxBytes, (line) => found.push(line));
  lines.forEach((line) => take(line));
  return found;
}

const REST = '… [the rest is left out: max-output is 10 bytes]';

it('what a job prints is heard up to its limit, line ends included, and then one line says so', () => {
  expect(heard(10, ['aaaa', 'bbbb'])).toEqual(['aaaa', 'bbbb']);
  expect(heard(10, ['aaaa', 'bbbb', '', 'c'])).toEqual(['aaaa', 'bbbb', REST]);
  expect(heard(10, ['aaaa', 'bbbbb', 'c', 'd'])).toEqual(['aaaa', REST]);
  expect(heard(10, ['üüüüü', 'c'])).toEqual([REST]);
});

it('without a limit all of it is heard', () => {
  expect(heard(undefined, ['a', 'b'])).toEqual(['a', 'b']);
});

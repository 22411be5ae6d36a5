import { expect, test } from 'vitest';
import { Blocked, Failed } from '../../../src/job/failures.ts';
import { endOfReturn, endOfThrow } from '../../../src/processors/module/job-end.ts';

const MIB = 1024 * 1024;
const LARGE = 'ü'.repeat(8 * MIB);
const TOO_LARGE = `its data is too large: ${16 * MIB + 2} bytes, at most 16 MiB`;

function nest(levels: number): unknown {
  let value: unknown = ']"\\';
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

test('data of more than 16 MiB is not sent', () => {
  expect(endOfReturn(LARGE)).toEqual({ kind: 'failed', message: TOO_LARGE });
  expect(endOfThrow(new Failed('no', LARGE))).toEqual({ kind: 'failed', message: `no (${TOO_LARGE})` });
  expect(endOfReturn(LARGE.slice(1)).kind).toBe('completed');
});

test('data that is nested deeper than the daemon could follow is not sent', () => {
  expect(endOfReturn(nest(1_000)).kind).toBe('completed');
  expect(endOfReturn(nest(1_001))).toEqual({
    kind: 'failed',
    message: 'what the runner returned is not JSON: it is nested deeper than 1000 levels',
  });
});

test.each([
  ['Failed', new Failed('ü'.repeat(100_000))],
  ['an error', Object.assign(new Error('ü'.repeat(100_000)), { stack: undefined })],
  ['a text', 'ü'.repeat(100_000)],
])('the message of %s is cut at 8 KiB', (_, thrown) => {
  expect(endOfThrow(thrown)).toMatchObject({ message: `${'ü'.repeat(4096)} …` });
});

test('a cut falls between characters, and what fits is left alone', () => {
  expect(endOfThrow(`x${'ü'.repeat(4096)}`)).toEqual({ kind: 'crashed', message: `x${'ü'.repeat(4095)} …` });
  expect(endOfThrow('ü'.repeat(4096))).toEqual({ kind: 'crashed', message: 'ü'.repeat(4096) });
});

test.each([
  [
    'a message that is no text',
    Object.assign(new Failed(''), { message: 7n }),
    { kind: 'failed', message: '7' },
  ],
  [
    'a message that is none',
    Object.assign(new Error(), { message: Object.create(null) as unknown }),
    { kind: 'crashed' },
  ],
  [
    'a delay that cannot be sent',
    new Blocked('no', { delay: (() => 1) as never }),
    { kind: 'blocked', delay: '[Function: delay]' },
  ],
])('an end can always be told: %s', (_, thrown, end) => {
  expect(endOfThrow(thrown)).toMatchObject(end);
  expect(() => structuredClone(endOfThrow(thrown))).not.toThrow();
});

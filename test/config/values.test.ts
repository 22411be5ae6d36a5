import { describe, expect, it } from 'vitest';
import {
  bodyPath,
  boolean,
  choice,
  delayRange,
  duration,
  durationOrNone,
  integer,
  list,
  text,
  type ValueType,
} from '../../src/config/values.ts';

const BAD = Symbol('bad');

function parse<T>(type: ValueType<T>, written: string): T | typeof BAD {
  const parsed = type.parse(written, 'x.ini');
  return parsed.ok ? parsed.value : BAD;
}

describe('values', () => {
  it.each<[string, ValueType<unknown>, string, unknown]>([
    ['a duration in milliseconds', duration(), '500ms', 500],
    ['in seconds', duration(), '10s', 10_000],
    ['in minutes', duration(), '5m', 300_000],
    ['in hours', duration(), '2h', 7_200_000],
    ['in days', duration(), '1d', 86_400_000],
    ['in capitals and with a space', duration(), '10 S', 10_000],
    ['nothing needs no unit', duration(), '0', 0],
    ['a number without a unit is none', duration(), '10', BAD],
    ['a fraction is none', duration(), '1.5h', BAD],
    ['a negative one is none', duration(), '-1s', BAD],
    ['two units are none', duration(), '1h30m', BAD],
    ['an empty text is none', duration(), '', BAD],
    ['the longest that a timer can wait', duration(), '24d', 2_073_600_000],
    ['a longer one would end at once', duration(), '577h', BAD],
    ['a limit can be none', durationOrNone(1), 'None', undefined],
    ['but not nothing', durationOrNone(1), '0', BAD],
    ['a delay that stays', delayRange(1), '30s', { minMs: 30_000, maxMs: 30_000 }],
    ['a delay that grows', delayRange(1), '30s..15m', { minMs: 30_000, maxMs: 900_000 }],
    ['with spaces', delayRange(1), '30s .. 15m', { minMs: 30_000, maxMs: 900_000 }],
    ['a delay of nothing would be a hot loop', delayRange(1), '0s..1s', BAD],
    ['a delay with three ends is none', delayRange(1), '1s..2s..3s', BAD],
    ['yes', boolean, 'Yes', true],
    ['on', boolean, 'on', true],
    ['true', boolean, 'TRUE', true],
    ['1', boolean, '1', true],
    ['no', boolean, 'no', false],
    ['off', boolean, 'OFF', false],
    ['false', boolean, 'false', false],
    ['0', boolean, '0', false],
    ['y is neither', boolean, 'y', BAD],
    ['an empty text is neither', boolean, '', BAD],
    ['a whole number', integer(0, 10), '10', 10],
    ['too large a number', integer(0, 10), '11', BAD],
    ['a fraction', integer(0, 10), '1.0', BAD],
    ['a number in another base', integer(0, 99), '0x10', BAD],
    ['a list by spaces, commas and newlines', list(integer(0, 9)), '1 2,3\n4, 5', [1, 2, 3, 4, 5]],
    ['an empty list', list(integer(0, 9)), ' \n ', []],
    ['one bad item', list(integer(0, 9)), '1 x', BAD],
    ['a word in any case', choice(['auto', 'json']), 'JSON', 'json'],
    ['another word', choice(['auto', 'json']), 'xml', BAD],
    ['a path', bodyPath, 'parameters.hosts.0', 'parameters.hosts.0'],
    ['a path that ends in a dot', bodyPath, 'a.', BAD],
    ['255 bytes have room', text({ short: true }), `${'é'.repeat(127)}x`, `${'é'.repeat(127)}x`],
    ['256 bytes have not', text({ short: true }), 'é'.repeat(128), BAD],
  ])('%s', (_rule, type, written, expected) => {
    expect(parse(type, written)).toEqual(expected);
  });
});

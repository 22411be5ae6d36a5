import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseExactly } from '../../src/job/exact-json.ts';
import { jsonNumber } from '../support/json-number.ts';

it('each number is written as it was, and one that JavaScript writes so is one', () => {
  fc.assert(
    fc.property(jsonNumber, (number) => {
      const json = `{"a":[${number},"1.10"],"b":${number}}`;
      expect(JSON.stringify(parseExactly(json))).toBe(json);
      const plain: unknown = JSON.parse(number);
      if (JSON.stringify(plain) === number) expect(parseExactly(number)).toBe(plain);
    }),
    { numRuns: 20_000 },
  );
});

it('numbers near the end of what JavaScript can hold are written as they were', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }),
      fc.integer({ min: 0, max: 19 }),
      (number, at) => {
        const digits = number.toString();
        const text = /^-?\d$/.test(digits)
          ? digits
          : digits.replace(new RegExp(`^-?\\d.{0,${at}}(?=\\d)`), '$&.');
        for (const one of [digits, text]) expect(JSON.stringify(parseExactly(one))).toBe(one);
      },
    ),
    { numRuns: 5_000 },
  );
});

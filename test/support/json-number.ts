import * as fc from 'fast-check';

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const digits = (minLength: number) =>
  fc.string({ unit: fc.constantFrom(...DIGITS), minLength, maxLength: 25 });
/** The text of any number that JSON may hold. */
export const jsonNumber = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      fc.tuple(fc.constantFrom(...DIGITS.slice(1)), digits(0)).map((parts) => parts.join('')),
    ),
    fc.oneof(
      fc.constant(''),
      digits(1).map((fraction) => `.${fraction}`),
    ),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), fc.integer({ min: 0, max: 999 }))
        .map((parts) => parts.join('')),
    ),
  )
  .map((parts) => parts.join(''));

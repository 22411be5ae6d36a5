import { type Parsed, problem, type ValueType, valid } from './values.ts';

/*
 * A message is hostile, and an expression such as (a+)+$ takes for ever on a text made for it. V8 can find matches in
 * linear time, and falls back to that once it has gone back too often; not for expressions that need to go back, or that
 * count far. With the flag "l" it says which are fit.
 */
const FLAGS = [
  '--enable-experimental-regexp-engine',
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
];

/** Regular expressions, one a line, to be found anywhere in a text. None of them can be made slow by a text. */
export const patterns: ValueType<RegExp[]> = {
  expects: 'a list of regular expressions',
  tip: 'one a line, as JavaScript writes them between its slashes',
  parse(written) {
    const lines = written.split('\n').map((line) => line.trim());
    const given = lines.filter((line) => line !== '');
    if (given.length === 0) return valid([]);
    // Only where there are any: V8 has the code of Node's own modules ready, for other threads too, but not with other flags.
    const { setFlagsFromString } = process.getBuiltinModule('node:v8');
    FLAGS.forEach((flag) => setFlagsFromString(flag));
    const parsed = given.map(parsePattern);
    const bad = parsed.filter((one) => !one.ok);
    if (bad.length === 0) return valid(parsed.flatMap((one) => (one.ok ? [one.value] : [])));
    const fixes = new Set(bad.map(({ fix }) => fix));
    return problem(bad.map(({ message }) => message).join('; '), [...fixes].join('; '));
  },
};

function parsePattern(written: string): Parsed<RegExp> {
  try {
    const pattern = new RegExp(written, 'gm');
    if (!isLinear(written))
      return problem(
        `${written} can be made to take for ever`,
        'no look-around, no back-reference, and no more than 16 repetitions at once: \\d{13}\\d{0,6} for \\d{13,19}',
      );
    if (''.match(pattern) === null) return valid(pattern);
    return problem(`${written} matches even nothing`, 'make it match what is secret');
  } catch (error) {
    return problem((error as Error).message, patterns.tip);
  }
}

function isLinear(written: string): boolean {
  try {
    // oxlint-disable-next-line no-invalid-regexp -- "l" is V8's own, and turned on above
    return new RegExp(written, 'gml').global;
  } catch {
    return false;
  }
}

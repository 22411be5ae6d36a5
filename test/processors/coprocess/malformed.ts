import { randomFrom } from '../../support/random.ts';

/** What a run could be told of, with values of every kind in place of the right ones. */
const KEYS = [
  'run progress message data failed blocked reason output log completed crashed detail unavailable ready',
  '__proto__ constructor toString hasOwnProperty',
]
  .join(' ')
  .split(' ');

const VALUES = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '1e999',
  '-0',
  '1E400',
  '9007199254740993',
  '""',
  '"10m"',
  '"x"',

  '"\\ud800"',
  '"\\u0000"',
  '"\\u2028"',
  '[]',
  '{}',
  '[[[]]]',
  '{"level":"info"}',
  '{"level":7,"message":"x"}',
  '{"level":"debug","message":"m","fields":[1]}',
  '{"__proto__":{"run":"$RUN"}}',
  '"$RUN"',
  '["$RUN"]',
  'NaN',
  'undefined',
  '01',
  '+1',
  "'x'",
  '"\\x"',
  '{"a":1,}',
  '[1,',
  '// x',
  '\ufeff{}',
  '"a\tb"',
];

/**
 * Lines that a process might write as answers of the run `$RUN`: some right, most wrong in one way or another, each
 * without its line end, as bytes. The same for the same seed.
 */
export function makeLines(count: number, seed: number): Buffer[] {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  const member = (): string => `"${pick(KEYS)}":${pick(VALUES)}`;
  const object = (): string => {
    const members = Array.from({ length: Math.floor(random() * 4) }, member);
    const run = random() < 0.8 ? ['"run":"$RUN"'] : [];
    return `{${[...run, ...members].join(',')}}`;
  };
  const spoil = (bytes: Buffer): Buffer => {
    const at = Math.floor(random() * (bytes.length + 1));
    switch (pick(['none', 'cut', 'flip', 'insert', 'drop', 'double', 'before', 'deep'] as const)) {
      case 'none':
        return bytes;
      case 'cut':
        return bytes.subarray(0, at);
      case 'flip':
        return Buffer.concat([bytes.subarray(0, at), Buffer.from([random() * 256]), bytes.subarray(at + 1)]);
      case 'insert':
        return Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(VALUES)), bytes.subarray(at)]);
      case 'drop':
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      case 'double':
        return Buffer.concat([bytes, bytes]);
      case 'before':
        return Buffer.concat([Buffer.from(pick([' ', '\t', '\ufeff', 'x', '\r', '['])), bytes]);
      case 'deep':
        return Buffer.from(bytes.toString('latin1').replace(/[^:]*\}$/, `${'['.repeat(at * 40)}}`), 'latin1');
    }
  };
  return Array.from({ length: count }, () => spoil(Buffer.from(object()))).map((line) =>
    Buffer.from(line.toString('latin1').replaceAll('\n', ' '), 'latin1'),
  );
}

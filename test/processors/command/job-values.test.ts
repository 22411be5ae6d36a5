import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { textAt } from '../../../src/job/json-text.ts';
import { JobValues, type Resolved } from '../../../src/processors/command/job-values.ts';
import { readPercent } from '../../../src/processors/command/placeholders.ts';
import { jsonNumber } from '../../support/json-number.ts';
import { makeJob } from '../harness.ts';

function resolve(text: string, body: string | Buffer): Resolved {
  const found = readPercent(text, 0);
  if (found.kind !== 'placeholder') throw new Error('not a placeholder');
  const job = makeJob(JSON.parse(new TextDecoder().decode(Buffer.from(body))));
  return new JobValues(job, Buffer.from(body), { colour: 'red' }).resolve(found.placeholder);
}

test.each<[string, unknown, object]>([
  ['%{a}', { a: 'text' }, { value: 'text' }],
  ['%{a}', { a: '' }, { value: '' }],
  ['%{a}', { a: 1.5 }, { value: '1.5' }],
  ['%{a}', { a: false }, { value: 'false' }],
  ['%{a}', { a: null }, { value: 'null' }],
  ['%{a}', { a: { b: [1] } }, { value: '{"b":[1]}' }],
  ['%{a.1.b}', { a: [0, { b: 'x' }] }, { value: 'x' }],
  ['%{1}', ['a', 'b'], { value: 'b' }],
  ['%{a.01}', { a: [0, 1] }, { problem: '%{a.01} is missing from the job' }],
  ['%{a.0}', { a: 'text' }, { problem: '%{a.0} is missing from the job' }],
  ['%{toString}', {}, { problem: '%{toString} is missing from the job' }],
  ['%{__proto__.x}', {}, { problem: '%{__proto__.x} is missing from the job' }],
  ['%{a}', 'not an object', { problem: '%{a} is missing from the job' }],
  ['%COMMAND', { parameters: { command: 'go' } }, { value: 'go' }],
  ['%{settings.colour}', { settings: { colour: 'blue' } }, { value: 'red' }],
])('%s of %j', (text, body, expected) => {
  expect(resolve(text, JSON.stringify(body))).toEqual(expected);
});

test.each<[string, string | Buffer, string]>([
  ['of equal keys the last counts', '{"a":{"b":1.10},"a":{"b":1.20}}', '1.20'],
  ['so it does where the others are no number', '{"a":{"b":1},"a":7,"a":{"b":"7.0","b":7.0}}', '7.0'],
  ['a key may be written with escapes', '{"\\u0061":{"\\u0062":1.10}}', '1.10'],
  [
    '__proto__ is a key like any other',
    '{"__proto__":{"b":1.2},"a":{"__proto__":{"b":1.3},"b":1.10}}',
    '1.10',
  ],
  ['a byte order mark is none of it', Buffer.from('\uFEFF {"a":{"b":1.10}}'), '1.10'],
  [
    'texts may hold anything',
    '{"a":{"x":"\\\\","y":"\\"}],{\\"b\\":2","ü€😀":"b","b":1.10,"z":["]"]}}',
    '1.10',
  ],
  ['spaces and line ends are none of it', '\t{ "a" :\r\n{ "z" : [ ] , "b"\n: 1.10\n} }', '1.10'],
  ['a list may stand before it', '{"x":[[],{},[{"b":1}]],"a":{"b":1.10}}', '1.10'],
  [
    'how deep other values are nested is the same',
    `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)},"a":{"b":1.10}}`,
    '1.10',
  ],
  [
    'a list of numbers has one way of writing',
    '{"a":{"b":[ 1.10, {"x":-0 , "x" : 1E5} ]}}',
    '[1.10,{"x":1E5}]',
  ],
  ['a number is no object', '{"a":{"b":{"rawJSON":1.10}}}', '{"rawJSON":1.10}'],
])('the number of a message: %s', (_, body, text) => {
  expect(resolve('%{a.b}', body)).toEqual({ value: text });
});

test('in a number there is nothing to be found', () => {
  const problem = '%{a.rawJSON} is missing from the job';
  expect(resolve('%{a.rawJSON}', '{"a":12345678901234567890}')).toEqual({ problem });
});

test('a list that is nested too deep fails the job', () => {
  const problem = 'the value of %{a} is nested deeper than 1000 levels';
  expect(resolve('%{a}', `{"a":${'['.repeat(1_001)}1.10${']'.repeat(1_001)}}`)).toEqual({ problem });
});

const space = fc.constantFrom('', '', '', ' ', '\n\t', '\r\n  ');
// Not the key \: once V8 has met one, it takes "\u0061" for another.
const key = fc.constantFrom('"a"', '"b"', '"\\u0061"', '"__proto__"', '"0"', '"a\\"]"', '"\\n"', '"toJSON"');
const { value: json } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    jsonNumber,
    fc.constantFrom('true', 'null', '""', '"1.10"', '"]}\\""', '"\\\\"'),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .array(
      fc.tuple(space, tie('value'), space).map((parts) => parts.join('')),
      { maxLength: 4 },
    )
    .map((items) => `[${items.join(',')}]`),
  object: fc
    .array(
      fc
        .tuple(space, key, space, fc.constant(':'), space, tie('value'), space)
        .map((parts) => parts.join('')),
      {
        maxLength: 4,
      },
    )
    .map((members) => `{${members.join(',')}}`),
}));

/** Each path into a value, with what is there. */
function* paths(value: unknown, path: string[] = []): Generator<[string[], unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, one] of Object.entries(value)) yield* paths(one, [...path, name]);
}

test('whatever the message, each of its numbers comes out with its digits', () => {
  fc.assert(
    fc.property(json, jsonNumber, (before, written) => {
      const body = `{"x":${before},"a":[${before},${written}],"y":${before}}`;
      expect(resolve('%{a.1}', body)).toEqual({ value: written });
      expect(resolve('%{a}', `{"a":{"b":[ ${written} ]}}`)).toEqual({ value: `{"b":[${written}]}` });
    }),
  );
});

test('each value of a text is found where JSON.parse finds it', () => {
  fc.assert(
    fc.property(json, space, (text, end) => {
      for (const [path, value] of paths(JSON.parse(text)))
        expect(JSON.parse(textAt(`${end}${text}${end}`, path) ?? '')).toStrictEqual(value);
    }),
    { numRuns: 1_000 },
  );
});

import { expect, test } from 'vitest';
import { RunnerError } from '../../../src/job/runner.ts';
import { readPercent, resolvePlaceholder } from '../../../src/processors/command/placeholders.ts';
import { makeJob } from '../harness.ts';

test.each([
  ['%ID', '%ID'],
  ['%ID_1', '%ID'],
  ['%ID.log', '%ID'],
  ['%SUBCOMMAND', '%SUBCOMMAND'],
  ['%{a.b-c.0}', '%{a.b-c.0}'],
  ['%{ä}', '%{ä}'],
  ['%{settings.out.dir}', '%{settings.out.dir}'],
])('%s is a placeholder', (text, written) => {
  const found = readPercent(text, 0);
  expect(found).toMatchObject({
    kind: 'placeholder',
    length: written.length,
    placeholder: { text: written },
  });
});

test.each([
  ['%%ID', 0, '%', 2],
  ['%IDX', 0, '%', 1],
  ['%id', 0, '%', 1],
  ['%Y', 0, '%', 1],
  ['%', 0, '%', 1],
  ['${f%%.*}', 3, '%%', 2],
  ['${f%.gz}', 3, '%', 1],
  ['${1%{x}', 3, '%', 1],
])('%s (at %i) is literal text', (text, at, written, length) => {
  expect(readPercent(text, at)).toEqual({ kind: 'literal', text: written, length });
});

test.each(['%{', '%{}', '%{a', '%{a b}', '%{.a}', '%{a.}', '%{a..b}', '%{a$b}', '%{settings}'])(
  '%s is an error',
  (text) => {
    expect(() => readPercent(text, 0)).toThrow(RunnerError);
  },
);

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
  const found = readPercent(text, 0);
  if (found.kind !== 'placeholder') throw new Error('not a placeholder');
  expect(resolvePlaceholder(found.placeholder, makeJob(body), { colour: 'red' })).toEqual(expected);
});

import { expect, test } from 'vitest';
import { RunnerError } from '../../../src/job/runner.ts';
import { readPercent } from '../../../src/processors/command/placeholders.ts';

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

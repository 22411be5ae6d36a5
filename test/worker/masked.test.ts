import { expect, it } from 'vitest';
import { parseExactly } from '../../src/job/exact-json.ts';
import { completed, crashed } from '../../src/job/outcome.ts';
import { masked, maskingAlso } from '../../src/worker/masked.ts';

const mask = (text: string): string => text.replaceAll('hunter2', '***');

it('a secret is masked wherever it stands in an outcome, and nothing else changes', () => {
  const data = { log: ['login hunter2', { deep: 'xhunter2x' }], n: 1, none: null, yes: true };
  expect(masked(completed(data), mask)).toStrictEqual(
    completed({ log: ['login ***', { deep: 'x***x' }], n: 1, none: null, yes: true }),
  );
  expect(masked(crashed('exit code 1: hunter2', 'at hunter2'), mask)).toStrictEqual(
    crashed('exit code 1: ***', 'at ***'),
  );
});

it('what the worker itself decides by is no text of anybody, whatever a secret or a pattern is', () => {
  const maskAll = (text: string): string => text.replace(/\w{3,}/g, '***');
  expect(masked(completed({ some: 'text' }), maskAll)).toStrictEqual(completed({ '***': '***' }));
  expect(masked(crashed('a word'), maskAll)).toStrictEqual(crashed('a ***'));
  expect(masked({ kind: 'blocked', reason: 'a word', delayMs: 1000 }, maskAll)).toStrictEqual({
    kind: 'blocked',
    reason: 'a ***',
    delayMs: 1000,
  });
});

it('a secret is masked also where it is a key or a number', () => {
  const pin = (text: string): string => text.replaceAll('12345678', '***');
  expect(masked(completed({ 'pin 12345678': 12345678, other: 1234567 }), pin)).toStrictEqual(
    completed({ 'pin ***': '***', other: 1234567 }),
  );
});

it.each([
  ['12345678901234567890', '***'],
  ['1.2345678e7', '***'],
  ['12345678.0', '***'],
  ['1.10', '1.10'],
  ['-0', '-0'],
  ['1e400', '1e400'],
])(
  'a number that is kept as it was written, %s, is masked where it or its value is a secret',
  (text, told) => {
    const pin = (all: string): string => all.replaceAll(/\b(?:12345678|12345678901234567890)\b/g, '***');
    const data = parseExactly(`{"a":[1,${text}]}`);
    expect(JSON.stringify(masked(completed(data), pin))).toBe(
      `{"kind":"completed","data":{"a":[1,${told === '***' ? '"***"' : told}]}}`,
    );
  },
);

it('patterns mask what is left after the secrets, all of it', () => {
  const maskAll = maskingAlso([/key=\S+/g, /\b\d{16}\b/g], mask);
  expect(maskAll('key=a b key=c 1234567890123456 12 hunter2')).toBe('*** b *** *** 12 ***');
  expect(maskAll('key=a')).toBe('***');
});

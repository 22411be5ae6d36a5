import { expect, it } from 'vitest';
import { completed, crashed } from '../../src/job/outcome.ts';
import { masked } from '../../src/worker/masked.ts';

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

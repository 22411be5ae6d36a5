import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';

test('waiting for a fact ends with what the check gives, once it is true and does not throw', async () => {
  let tries = 0;
  const value = await eventually(() => {
    tries += 1;
    if (tries === 1) throw new Error('not yet');
    return tries >= 3 ? 'now' : undefined;
  }, 'the third try');
  expect(value).toBe('now');
});

test.each([
  ['is never true', () => false],
  ['throws each time', () => Promise.reject(new Error('no'))],
  ['does not answer', () => new Promise<boolean>(() => {})],
])('waiting for a fact fails by its name when the check %s', async (_what, check) => {
  await expect(eventually(check, 'the miracle', 60)).rejects.toThrow(
    'the miracle did not happen within 60 ms',
  );
});

import { expect, test } from 'vitest';
import { topicMatches } from '../../../src/broker/embedded/topic.ts';

test.each([
  ['output', 'output', true],
  ['output', 'outputs', false],
  ['notify.*', 'notify.irc', true],
  ['notify.*', 'notify', false],
  ['notify.*', 'notify.irc.now', false],
  ['notify.#', 'notify', true],
  ['notify.#', 'notify.irc.now', true],
  ['#', '', true],
  ['#', 'a.b.c', true],
  ['*', '', true],
  ['*.b.*', 'a.b.c', true],
  ['#.b.#', 'b', true],
  ['#.b.#', 'a.a.b', true],
  ['#.b.#', 'a.c', false],
  ['a.#.z', 'a.z', true],
  ['a.#.z', 'a.b.c.z', true],
  ['a.#.z', 'a.b.c', false],
  ['#.#', 'a', true],
  ['*.#', '', true],
  ['a*', 'ab', false],
])('the pattern %s takes the key "%s": %s', (pattern, key, expected) => {
  expect(topicMatches(pattern, key)).toBe(expected);
});

test('no pattern makes matching slow', () => {
  const pattern = Array.from({ length: 60 }, () => '#.a').join('.');
  const key = Array.from({ length: 120 }, () => 'a').join('.');
  const before = performance.now();
  expect(topicMatches(`${pattern}.b`, key)).toBe(false);
  expect(performance.now() - before).toBeLessThan(1000);
});

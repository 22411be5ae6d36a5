import { expect, it } from 'vitest';
import { replyFilter } from '../../src/daemon/reply-filter.ts';

it.each([
  [[], 'anything', true],
  [['amq.gen-*'], 'amq.gen-Q2hT', true],
  [['amq.gen-*'], 'amqXgen-Q2hT', false],
  [['amq.gen-*'], 'x.amq.gen-1', false],
  [['replies'], 'replies', true],
  [['replies'], 'replies2', false],
  [['*.out', 'log'], 'a.b.out', true],
  [['*.out', 'log'], 'log', true],
  [['a*b*c'], 'a-b-c', true],
  [['a*b*c'], 'abc', true],
  [['a*b*c'], 'ac', false],
  [['ab*ba'], 'aba', false],
  [['*'], '', true],
  [['[x]\\*'], '[x]\\y', true],
])('reply-to-allow = %j: %s -> %s', (patterns, replyTo, allowed) => {
  expect(replyFilter(patterns)(replyTo)).toBe(allowed);
});

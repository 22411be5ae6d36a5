import { describe, expect, it } from 'vitest';
import { didYouMean, misspelling, nearest } from '../../src/config/suggest.ts';

describe('the nearest name', () => {
  it.each([
    ['queue_mappings', ['queue-mappings', 'name'], 'queue-mappings'],
    ['HOST', ['port', 'host'], 'host'],
    ['pfd', ['html', 'pdf'], 'pdf'],
    ['hostt', ['hosts', 'host'], 'hosts'],
    ['virtualhost', ['host', 'virtual_host'], 'virtual_host'],
    ['x', ['a', 'b'], undefined],
    ['weather', ['rbit', 'amqp'], undefined],
    ['anything', [], undefined],
  ])('to %s of %j is %s', (name, candidates, expected) => {
    expect(nearest(name, candidates)).toBe(expected);
  });

  it('is a question, if there is one', () => {
    expect(didYouMean('wran', ['info', 'warn'], 'write info')).toBe('did you mean warn?');
    expect(didYouMean('zzzz', ['info', 'warn'], 'write info')).toBe('write info');
  });
});

it('a short name is a misspelling only of one that differs in signs or case', () => {
  expect(misspelling('bodies', ['body'])).toBeUndefined();
  expect(misspelling('bodx', ['body'])).toBeUndefined();
  expect(misspelling('BO_DY', ['body'])).toBe('body');
});

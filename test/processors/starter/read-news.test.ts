import { expect, test } from 'vitest';
import { readNews } from '../../../src/processors/starter/read-news.ts';

const SIGABRT = 6;
const SIGKILL = 9;
const CORE = 128;

const ended = (exit: object) => ({ kind: 'ended', pid: 7, exit });

test.each([
  ['ready 5 8', { kind: 'ready', stdout: 5, stderr: 8 }],
  ['started 7', { kind: 'started', pid: 7 }],
  ['failed 2', { kind: 'failed', errno: 2 }],
  ['ended 7 0 0', ended({ kind: 'exited', code: 0, isAlone: true })],
  [`ended 7 ${255 * 256} 1`, ended({ kind: 'exited', code: 255, isAlone: false })],
  [`ended 7 ${SIGKILL} 0`, ended({ kind: 'killed', signal: 'SIGKILL', isAlone: true })],
  [`ended 7 ${SIGABRT + CORE} 0`, ended({ kind: 'killed', signal: 'SIGABRT', isAlone: true })],
  ['ended 7 37 0', ended({ kind: 'killed', signal: 'signal 37', isAlone: true })],
  ['y', undefined],
  ['', undefined],
])('%j', (line, news) => {
  expect(readNews(line)).toStrictEqual(news);
});

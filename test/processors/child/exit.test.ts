import { expect, test } from 'vitest';
import { outcomeOfExit, outcomeOfNoStart } from '../../../src/processors/child/exit.ts';
import type { ChildExit } from '../../../src/processors/child/start.ts';

const CODES = { successCodes: [0, 4], blockedCodes: [75, 4], unavailableCodes: [126, 127, 75] };
const SILENT = { stdout: [], stderr: [], isOverMemory: false };
const TALKATIVE = { stdout: ['out'], stderr: ['a', 'b', 'c', 'd'] };

test.each<[ChildExit, typeof SILENT | typeof TALKATIVE, object]>([
  [{ kind: 'exited', code: 0 }, TALKATIVE, { kind: 'completed' }],
  [{ kind: 'exited', code: 4 }, SILENT, { kind: 'completed' }],
  [{ kind: 'exited', code: 75 }, TALKATIVE, { kind: 'blocked', reason: 'd' }],
  [{ kind: 'exited', code: 75 }, SILENT, { kind: 'blocked', reason: 'exit code 75' }],
  [{ kind: 'exited', code: 127 }, SILENT, { kind: 'unavailable', reason: 'exit code 127' }],
  [{ kind: 'exited', code: 1 }, SILENT, { kind: 'failed', message: 'exit code 1', retryable: true }],
  [
    { kind: 'exited', code: 1 },
    TALKATIVE,
    { kind: 'failed', message: 'exit code 1: b\nc\nd', detail: 'a\nb\nc\nd', retryable: true },
  ],
  [
    { kind: 'exited', code: 137 },
    SILENT,
    { kind: 'failed', message: 'exit code 137 (SIGKILL)', retryable: true },
  ],
  [
    { kind: 'killed', signal: 'SIGSEGV' },
    SILENT,
    { kind: 'failed', message: 'killed by SIGSEGV', retryable: true },
  ],
])('%j', (exit, said, outcome) => {
  expect(outcomeOfExit(exit, CODES, { ...said, isOverMemory: false })).toEqual(outcome);
});

test('an end for too much memory says so', () => {
  const said = { stdout: [], stderr: [], isOverMemory: true };
  expect(outcomeOfExit({ kind: 'killed', signal: 'SIGKILL' }, CODES, said)).toMatchObject({
    message: 'killed by SIGKILL for its memory',
  });
  expect(outcomeOfExit({ kind: 'exited', code: 137 }, CODES, said)).toMatchObject({
    message: 'exit code 137 (SIGKILL) for its memory',
  });
});

test('what cannot be started is unavailable, unless the job brought too much along', () => {
  expect(
    outcomeOfNoStart({ kind: 'not-started', code: 'ENOENT', message: 'spawn /bin/sh ENOENT' }),
  ).toStrictEqual({ kind: 'unavailable', reason: 'could not be started: spawn /bin/sh ENOENT' });
  expect(outcomeOfNoStart({ kind: 'not-started', code: 'E2BIG', message: 'spawn E2BIG' })).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('stdin') as string,
    retryable: false,
  });
});

import { describe, expect, it } from 'vitest';
import { readLedgerLines } from './ledger.ts';
import { run } from './example-evidence.ts';

describe('the ledger', () => {
  it('tells runs by host, process and key, in the order in which they began', async () => {
    const runs = await readLedgerLines([
      'begin job-2 1 b 7 2000 -',
      'begin job-1 1 a 7 1000 -',
      'end job-2 1 b 7 2500 crashed',
      'overlap job-1 1 a 8 3000 -',
      'begin job-1 1 a 8 3001 -',
    ]);
    expect(runs).toEqual([
      run({ key: 'job-1', run: '7', beganMs: 1000, endedMs: undefined, how: undefined }),
      run({ key: 'job-2', host: 'b', run: '7', beganMs: 2000, endedMs: 2500, how: 'crashed' }),
      run({ key: 'job-1', run: '8', beganMs: 3001, endedMs: undefined, how: undefined, overlapped: true }),
    ]);
  });

  it.each([
    ['end job-1 1 a 7 1000 done'],
    ['begin job-1 1'],
    ['begin job-1 1 z 7 1000 -'],
    ['hello a b a b c d'],
  ])('refuses a line that no job can have written: %s', async (line) => {
    await expect(readLedgerLines([line])).rejects.toThrow();
  });
});

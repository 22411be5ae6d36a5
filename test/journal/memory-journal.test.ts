import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/job/verdict.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';

const verdict: Verdict = {
  outcome: { kind: 'completed' },
  reply: { kind: 'completed' },
  disposal: { kind: 'ack' },
  because: 'completed',
};

describe('the journal', () => {
  it('hands a released record to one redelivery, with its verdict', async () => {
    const journal = createMemoryJournal();
    const entry = await journal.begin('print');
    await entry.ended(verdict);
    await entry.released();
    expect(await journal.recall('print')).toMatchObject({ verdict, isRecalled: true });
    expect(await journal.recall('print')).toBeUndefined();
  });

  it('knows nothing of a settled job, nor of one that somebody still holds', async () => {
    const journal = createMemoryJournal();
    const entry = await journal.begin('print');
    expect(await journal.recall('print')).toBeUndefined();
    await entry.ended(verdict);
    await entry.settled();
    expect(await journal.recall('print')).toBeUndefined();
  });

  it('keeps equal messages apart: each released record is recalled once, the oldest first', async () => {
    const journal = createMemoryJournal();
    const [one, two] = [await journal.begin('print'), await journal.begin('print')];
    await one.ended(verdict);
    await one.released();
    await two.released();
    expect((await journal.recall('print'))?.verdict).toStrictEqual(verdict);
    const second = await journal.recall('print');
    expect(second).toMatchObject({ isRecalled: true });
    expect(second?.verdict).toBeUndefined();
  });

  it('stays bounded: what was lost longest ago is forgotten first', async () => {
    const journal = createMemoryJournal(2);
    for (const print of ['a', 'b', 'c']) await (await journal.begin(print)).released();
    expect(await journal.recall('a')).toBeUndefined();
    expect(await journal.recall('b')).toBeDefined();
    expect(await journal.recall('c')).toBeDefined();
  });
});

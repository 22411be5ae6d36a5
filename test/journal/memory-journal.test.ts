import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/job/verdict.ts';
import type { MessagePrint } from '../../src/journal/journal.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';

const message = { queue: 'q', print: 'print', isIdentified: true };
const printed = (print: string): MessagePrint => ({ ...message, print });

const verdict: Verdict = {
  outcome: { kind: 'completed' },
  reply: { kind: 'completed' },
  disposal: { kind: 'ack' },
  because: 'completed',
};

describe('the journal', () => {
  it('hands a released record to one redelivery, with its verdict', async () => {
    const journal = createMemoryJournal();
    const entry = await journal.begin(message);
    await entry.ended(verdict);
    await entry.released();
    expect(await journal.recall(message)).toMatchObject({ verdict, isRecalled: true });
    expect(await journal.recall(message)).toBeUndefined();
  });

  it('knows nothing of a settled job, nor of one that somebody still holds', async () => {
    const journal = createMemoryJournal();
    const entry = await journal.begin(message);
    expect(await journal.recall(message)).toBeUndefined();
    await entry.ended(verdict);
    await entry.settled();
    expect(await journal.recall(message)).toBeUndefined();
  });

  it('takes no message for another: of equal ones, or of one without an id, nothing is kept, so that it runs again', async () => {
    const journal = createMemoryJournal();
    const [one, two] = [await journal.begin(message), await journal.begin(message)];
    await one.ended(verdict);
    await one.released();
    await two.released();
    expect(await journal.recall(message)).toBeUndefined();

    const anonymous = { ...printed('anonymous'), isIdentified: false };
    await (await journal.begin(anonymous)).released();
    expect(await journal.recall(anonymous)).toBeUndefined();
  });

  it('forgets what was released before its queue was consumed again, when it has not come by then', async () => {
    const journal = createMemoryJournal();
    await (await journal.begin(printed('here'))).released();
    await (await journal.begin({ ...printed('other'), queue: 'p' })).released();
    journal.expire('q', Date.now() + 1);
    expect(await journal.recall(printed('here'))).toBeUndefined();
    expect(await journal.recall(printed('other'))).toBeDefined();
  });

  it('stays bounded: what was lost longest ago is forgotten first', async () => {
    const journal = createMemoryJournal(2);
    for (const print of ['a', 'b', 'c']) await (await journal.begin(printed(print))).released();
    expect(await journal.recall(printed('a'))).toBeUndefined();
    expect(await journal.recall(printed('b'))).toBeDefined();
    expect(await journal.recall(printed('c'))).toBeDefined();
  });
});

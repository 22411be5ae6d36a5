import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/broker/broker.ts';
import type { Verdict } from '../../src/job/verdict.ts';
import type { Entry, Journal } from '../../src/journal/journal.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import type { Identity, MessagePrint } from '../../src/journal/message-print.ts';
import { type JobRecord, NO_STORE } from '../../src/journal/record.ts';
import { createRecordBook } from '../../src/journal/record-book.ts';

const printed = (print = 'print', identity: Identity = 'correlation'): MessagePrint => ({
  queue: 'q',
  print,
  identity,
});

const verdict: Verdict = {
  outcome: { kind: 'completed' },
  reply: { kind: 'completed' },
  disposal: { kind: 'ack' },
  because: 'completed',
};
const reply: Publication = { exchange: '', routingKey: 'r', body: Buffer.from('{}'), properties: {} };

const STEPS = ['begun', 'ended', 'replied', 'acking'] as const;
type Step = (typeof STEPS)[number];

/** A record that has come as far as `step`. */
async function begin(journal: Journal, message: MessagePrint, step: Step = 'begun'): Promise<Entry> {
  const entry = await journal.begin(message);
  const far = STEPS.indexOf(step);
  if (far >= 1) await entry.ended(verdict, reply);
  if (far >= 2) await entry.replied();
  if (far >= 3) await entry.acking();
  return entry;
}

/** The journal of a daemon that takes over the records of one that died. */
function successor(journal: ReturnType<typeof createRecordBook>) {
  const known = journal
    .records()
    .map((record): JobRecord => ({ ...record, wasOrphaned: true, releasedAtMs: 0 }));
  return createRecordBook(NO_STORE, { known });
}

describe('a record', () => {
  it('is found by its reply id while it is held and while it waits', async () => {
    const journal = createMemoryJournal();
    const entry = await begin(journal, printed());
    await begin(journal, printed('other'));
    expect(await journal.find(entry.replyId)).toMatchObject({ ending: undefined });
    await entry.ended(verdict, reply);
    await entry.released();
    expect(await journal.find(entry.replyId)).toMatchObject({ ending: { verdict } });
    await (await journal.recall(printed()))?.settled();
    expect(await journal.find(entry.replyId)).toBeUndefined();
  });

  it.each(['held', 'waiting'])('that is forgotten while it is %s does not come back', async (how) => {
    const journal = createRecordBook(NO_STORE);
    const entry = await begin(journal, printed(), 'ended');
    if (how === 'waiting') await entry.released();
    await (await journal.find(entry.replyId))?.forget();
    if (how === 'held') await entry.released();
    expect(await journal.recall(printed())).toBeUndefined();
    expect(journal.records()).toStrictEqual([]);
  });

  it('that was released is handed to one redelivery, with its verdict and its reply', async () => {
    const journal = createMemoryJournal();
    const entry = await begin(journal, printed(), 'ended');
    await entry.released();
    expect(await journal.recall(printed())).toMatchObject({
      ending: { verdict, reply, isReplied: false },
      replyId: entry.replyId,
      isRecalled: true,
    });
    expect(await journal.recall(printed())).toBeUndefined();
  });

  it('says whether its requester has heard the reply', async () => {
    const journal = createMemoryJournal();
    await (await begin(journal, printed(), 'replied')).released();
    expect((await journal.recall(printed()))?.ending?.isReplied).toBe(true);
    const moved = await begin(journal, printed('moved'), 'ended');
    await moved.moved();
    await moved.released();
    expect((await journal.recall(printed('moved')))?.ending).toMatchObject({
      verdict: { disposal: { kind: 'ack' } },
      isReplied: true,
    });
  });

  it('is forgotten when it is settled, and unknown to others while somebody holds it', async () => {
    const journal = createMemoryJournal();
    const entry = await begin(journal, printed(), 'acking');
    expect(await journal.recall(printed())).toBeUndefined();
    await entry.settled();
    expect(await journal.recall(printed())).toBeUndefined();
  });

  it('of the newest of several equal messages is handed out first, each once', async () => {
    const journal = createMemoryJournal();
    const [one, two] = [await begin(journal, printed(), 'ended'), await begin(journal, printed(), 'ended')];
    await one.released();
    await two.released();
    const [first, second] = [await journal.recall(printed()), await journal.recall(printed())];
    expect([first?.replyId, second?.replyId]).toStrictEqual([two.replyId, one.replyId]);
    expect(await journal.recall(printed())).toBeUndefined();
  });

  it('is forgotten when its queue was consumed again and the message has not come by then', async () => {
    const journal = createMemoryJournal();
    await (await begin(journal, printed('here'))).released();
    await (await begin(journal, { ...printed('other'), queue: 'p' })).released();
    journal.expire('q', Date.now() + 1);
    expect(await journal.recall(printed('here'))).toBeUndefined();
    expect(await journal.recall(printed('other'))).toBeDefined();
  });

  it('makes room when there are too many: what was lost longest ago is forgotten first', async () => {
    const journal = createMemoryJournal(2);
    for (const print of ['a', 'b', 'c']) await (await begin(journal, printed(print))).released();
    expect(await journal.recall(printed('a'))).toBeUndefined();
    expect(await journal.recall(printed('b'))).toBeDefined();
    expect(await journal.recall(printed('c'))).toBeDefined();
  });
});

describe('the ack of a message may have been written, and an equal one comes again', () => {
  const settles = async (identity: Identity, step: Step, twin: boolean, died: boolean): Promise<boolean> => {
    const journal = createRecordBook(NO_STORE);
    const message = printed('print', identity);
    const entry = await begin(journal, message, step);
    if (twin) await (await journal.begin(message)).settled();
    await entry.released();
    const now = died ? successor(journal) : journal;
    return (await now.recall(message))?.ending !== undefined;
  };

  it.each<[Identity, { ended: boolean; acking: boolean; twin: boolean; died: boolean }]>([
    ['copy', { ended: true, acking: true, twin: true, died: true }],
    ['message', { ended: true, acking: true, twin: true, died: true }],
    ['correlation', { ended: true, acking: true, twin: false, died: false }],
    ['none', { ended: false, acking: false, twin: false, died: false }],
  ])('it is the same one, or another job that has to run: %s', async (identity, expected) => {
    expect({
      ended: await settles(identity, 'ended', true, true),
      acking: await settles(identity, 'acking', false, false),
      twin: await settles(identity, 'acking', true, false),
      died: await settles(identity, 'acking', false, true),
    }).toStrictEqual(expected);
  });

  it('an acknowledgement that was written into a silence leaves room for another one', async () => {
    const journal = createRecordBook(NO_STORE, { silentMs: -1 });
    await (await begin(journal, printed(), 'acking')).released();
    expect(await journal.recall(printed())).toBeUndefined();
    await (await begin(journal, printed('m', 'message'), 'acking')).released();
    expect((await journal.recall(printed('m', 'message')))?.ending).toBeDefined();
    // Nothing was written yet.
    await (await begin(journal, printed('ended'), 'ended')).released();
    expect((await journal.recall(printed('ended')))?.ending).toBeDefined();
  });

  it('a record that waits is of no use any more once an equal message begins', async () => {
    const journal = createMemoryJournal();
    await (await begin(journal, printed(), 'acking')).released();
    await (await journal.begin(printed())).settled();
    expect(await journal.recall(printed())).toBeUndefined();
  });

  it('what is not settled by a record runs as a new job, which the record says nothing about', async () => {
    const journal = createMemoryJournal();
    const anonymous = printed('print', 'none');
    await (await begin(journal, anonymous, 'ended')).released();
    expect(await journal.recall(anonymous)).toBeUndefined();
    expect(await journal.recall(anonymous)).toBeUndefined();
  });
});

describe('a recorded reply that nobody has heard', () => {
  it('is handed out once for those whose message does not come again, and forgotten when it is said', async () => {
    const journal = createRecordBook(NO_STORE);
    for (const step of STEPS) await (await begin(journal, printed(step), step)).released();
    await (await begin(journal, { ...printed('elsewhere'), queue: 'p' }, 'ended')).released();
    const later = Date.now() + 1;
    const [unanswered, ...others] = journal.unanswered('q', later);
    expect(others).toHaveLength(0);
    expect(unanswered?.reply).toBe(reply);
    expect(journal.unanswered('q', later)).toHaveLength(0);
    expect(await journal.recall(printed('ended'))).toBeUndefined();
    const before = journal.records().length;
    unanswered?.forget();
    expect(journal.records()).toHaveLength(before - 1);
  });
});

describe('a copy that was published twice', () => {
  it('is known as long as it is remembered that the other one was settled', async () => {
    const journal = createMemoryJournal(2);
    for (const token of ['a', 'b', 'c']) {
      expect(journal.hasSettled(printed(token, 'copy'))).toBe(false);
      await (await begin(journal, printed(token, 'copy'), 'acking')).settled();
    }
    expect(['a', 'b', 'c'].map((token) => journal.hasSettled(printed(token, 'copy')))).toStrictEqual([
      false,
      true,
      true,
    ]);
  });

  it('is nothing that a message of somebody else can be', async () => {
    const journal = createMemoryJournal();
    await (await begin(journal, printed('m', 'message'), 'acking')).settled();
    expect(journal.hasSettled(printed('m', 'message'))).toBe(false);
  });
});

describe('the message id of a final reply', () => {
  it('is the same on every host where the message can be told from all others, and its own elsewhere', async () => {
    const idOf = async (identity: Identity): Promise<string> =>
      (await createMemoryJournal().begin(printed('print', identity))).replyId;
    expect(await idOf('copy')).toBe(await idOf('copy'));
    expect(await idOf('message')).toBe(await idOf('message'));
    expect(await idOf('correlation')).not.toBe(await idOf('correlation'));
    expect(await idOf('none')).not.toBe(await idOf('none'));
    expect(await idOf('message')).toMatch(/^[\w-]{12}$/);
  });
});

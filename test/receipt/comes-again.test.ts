import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/broker/broker.ts';
import type { Entry, Journal } from '../../src/journal/journal.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { NO_STORE } from '../../src/journal/record.ts';
import { createRecordBook } from '../../src/journal/record-book.ts';
import { type Inbox, openInbox } from '../broker/inbox.ts';
import { REPLIES } from '../../src/receipt/local-queues.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';
import { type Ground, type Host, openGround } from './ground.ts';

let ground: Ground;
beforeEach(async () => {
  ground = await openGround(await amqpUrl());
}, 300_000);
afterEach(() => ground.close());

/** How far the intake of the first daemon gets with a message that is on the disk. */
type Death =
  | 'before it noted that'
  | 'before it acknowledged that'
  | 'before it heard of its acknowledgement';

/** The journal of a daemon that gets no further than `death`, and that of the next one, which takes over its records. */
function journalsAround(death: Death): { readonly first: Journal; readonly next: () => Journal } {
  const book = createRecordBook(NO_STORE);
  const forEver = new Promise<never>(() => {});
  const first = watched(book, async (entry, write) => {
    const isStored = entry.ending !== undefined;
    if (death === 'before it noted that') return forEver;
    const ending = await write();
    return isStored || death === 'before it acknowledged that' ? forEver : ending;
  });
  const orphans = () =>
    book.records().map((record) => ({ ...record, releasedAtMs: Date.now(), wasOrphaned: true }));
  return { first, next: () => createRecordBook(NO_STORE, { known: orphans() }) };
}

/** A journal whose entries end as `onEnded` says: `write` is what they would do by themselves. */
function watched(
  journal: Journal,
  onEnded: (entry: Entry, write: () => ReturnType<Entry['ended']>) => ReturnType<Entry['ended']>,
): Journal {
  return {
    ...journal,
    async begin(message) {
      const entry = await journal.begin(message);
      const ended = entry.ended.bind(entry);
      entry.ended = (...args) => onEnded(entry, () => ended(...args));
      return entry;
    },
  };
}

const history = (): Record<string, unknown> => ({ 'x-rbit-attempt': 2, 'x-rbit-copy': randomUUID() });
const bodiesOf = ({ deliveries }: Inbox): string[] =>
  deliveries.map(({ message }) => message.body.toString());
/** The reply that ends a job, in one step with its message. */
const answer = (host: Host, delivery: Delivery, replyTo: string): Promise<unknown> => {
  const properties = { messageId: 'final', correlationId: 'one', appId: 'work', persistent: true };
  const reply = { exchange: '', routingKey: replyTo, body: Buffer.from('the end'), properties };
  return Promise.all([host.receipts.publish(reply, delivery), delivery.ack()]);
};
const copyOf = ({ message }: Delivery): unknown => message.properties.headers['x-rbit-copy'];
const waiting = async (): Promise<number> =>
  (await ground.fixture.channel.checkQueue(ground.queue)).messageCount;

/** What becomes of the stored message before its daemon dies, and how often the next one hands it out for that. */
const fates: Readonly<Record<string, readonly [number, (delivery: Delivery) => Promise<unknown>]>> = {
  'is still in hand': [1, async () => {}],
  'was put back after a run': [1, (delivery) => delivery.requeue({ delayMs: 0, headers: history() })],
  'waits for a retry': [0, (delivery) => delivery.requeue({ delayMs: 600_000, headers: history() })],
};
const CORRELATION = { correlationId: 'one' };
const MESSAGE_ID = { ...CORRELATION, messageId: 'm-1' };
/** Where the message that comes again is the one that was stored for certain. */
const certain: readonly (readonly [Death, object])[] = [
  ['before it noted that', {}],
  ['before it noted that', CORRELATION],
  ['before it noted that', MESSAGE_ID],
  ['before it acknowledged that', CORRELATION],
  ['before it acknowledged that', MESSAGE_ID],
];
const IN_DOUBT = ['before it heard of its acknowledgement', CORRELATION] as const;

/** Kills a daemon on its way to acknowledge 'one', which meets its `fate` first; resolves with the inbox of the next daemon. */
async function comesAgain(
  death: Death,
  properties: object,
  meet: (delivery: Delivery, host: Host) => Promise<unknown>,
  doubtMs?: number,
): Promise<{ readonly first: Delivery; readonly inbox: Inbox }> {
  const { first: journal, next } = journalsAround(death);
  const dying = ground.host({ journal, ...(doubtMs === undefined ? {} : { doubtMs }) });
  ground.fixture.channel.sendToQueue(ground.queue, Buffer.from('one'), { ...properties, persistent: true });
  const first = await openInbox(dying.receipts, ground.queue, 1).next();
  await meet(first, dying);
  await dying.receipts.close(500);
  ground.proxy.cut();
  await eventually(async () => (await waiting()) === 1, 'the message to be on its queue again');
  await ground.send('two');
  const inbox = openInbox(ground.host({ journal: next(), doubtMs: 60_000 }).receipts, ground.queue, 5);
  await eventually(() => bodiesOf(inbox).includes('two'), 'what lay behind it');
  await eventually(async () => (await waiting()) === 0, 'the acknowledgements');
  return { first, inbox };
}

describe('a message that was stored and comes again', () => {
  const cases = [...certain, IN_DOUBT].flatMap(([death, id]) =>
    Object.entries(fates).map(([fate, [times, meet]]) => ({ death, id, fate, times, meet })),
  );
  it.each(cases)(
    'is not stored again if its daemon died $death and it $fate, $id',
    async ({ death, id, times, meet }) => {
      const { inbox } = await comesAgain(death, id, meet);
      expect(bodiesOf(inbox)).toStrictEqual([...Array.from({ length: times }, () => 'one'), 'two']);
    },
  );

  it.each(certain.filter(([death]) => death === 'before it acknowledged that'))(
    'is not stored again if its daemon died %s, whatever became of it: %o',
    async (death, id) => {
      const { inbox } = await comesAgain(death, id, (delivery) => delivery.ack());
      expect(bodiesOf(inbox)).toStrictEqual(['two']);
    },
  );

  it.each([
    ['has ended', (delivery: Delivery) => delivery.ack()],
    ['became a dead letter', (delivery: Delivery) => delivery.deadLetter({ headers: {} })],
  ])(
    'with a correlation id alone is another, if the first may be acknowledged and %s without a reply',
    async (_how, meet) => {
      const { first, inbox } = await comesAgain(...IN_DOUBT, meet);
      expect(bodiesOf(inbox)).toStrictEqual(['one', 'two']);
      // Their replies have not the same message id.
      expect(inbox.deliveries.map(copyOf)).not.toContain(copyOf(first));
      expect(inbox.deliveries[0]?.redelivered).toBe(true);
    },
  );

  it('without any id is another as soon as the first is known to be stored', async () => {
    const { inbox } = await comesAgain('before it acknowledged that', {}, async () => {});
    expect(bodiesOf(inbox).toSorted()).toStrictEqual(['one', 'one', 'two']);
  });

  it('that was put back by us before, and published twice, is not stored again by another daemon of the file', async () => {
    const twice = { persistent: true, headers: { 'x-rbit-copy': randomUUID() } };
    const inboxes: Inbox[] = [];
    const { channel } = ground.fixture;
    channel.sendToQueue(ground.queue, Buffer.from('one'), twice);
    inboxes.push(openInbox(ground.host().receipts, ground.queue, 1));
    await eventually(() => inboxes[0]?.deliveries.length === 1, 'the first');
    const { receipts, said } = ground.host();
    inboxes.push(openInbox(receipts, ground.queue, 1));
    channel.sendToQueue(ground.queue, Buffer.from('one'), twice);
    await eventually(() => said.some((text) => text.startsWith('joined')), 'the second');
    expect(inboxes.map(bodiesOf)).toStrictEqual([['one'], []]);
  });

  it('is stored once though equal ones came before, as long as its acknowledgement cannot have been written', async () => {
    let begun = 0;
    const { receipts, remote, said } = ground.host({
      journal: watched(createMemoryJournal(), async (entry, write) => {
        if (entry.ending !== undefined) return write();
        begun += 1;
        if (begun === 2) {
          const lost = once(remote.events, 'consumer:lost');
          ground.proxy.cut();
          await lost;
        }
        return write();
      }),
    });
    const inbox = openInbox(receipts, ground.queue, 5);
    await ground.send('step', 'step');
    await eventually(() => said.includes('joined: step'), 'the second delivery of the second');
    await ground.send('two');
    await eventually(() => inbox.deliveries.length >= 3, 'three jobs');
    expect(bodiesOf(inbox)).toStrictEqual(['step', 'step', 'two']);
  });
});

describe('the final reply of a job whose message may not be acknowledged', () => {
  it.each([...certain, IN_DOUBT].filter(([, id]) => 'correlationId' in id))(
    'waits if the daemon died %s, until the message has come again, which is not run again: %o',
    async (death, id) => {
      const { name, heard } = await ground.replyQueue();
      const { inbox } = await comesAgain(death, id, (one, host) => answer(host, one, name));
      expect(bodiesOf(inbox)).toStrictEqual(['two']);
      await eventually(() => ground.stored().every(({ name: of }) => of !== REPLIES), 'the reply to go out');
      expect(heard).toStrictEqual(['the end']);
    },
  );

  it('goes out in the end, and from then on an equal message with a correlation id alone is another', async () => {
    const { name, heard } = await ground.replyQueue();
    const { first, inbox } = await comesAgain(
      ...IN_DOUBT,
      (one, host) => beHeard(one, host, name, heard),
      300,
    );
    expect(bodiesOf(inbox)).toStrictEqual(['one', 'two']);
    expect(inbox.deliveries.map(copyOf)).not.toContain(copyOf(first));
  });

  it.each(certain.filter(([death]) => death === 'before it acknowledged that'))(
    'goes out in the end if the daemon died %s, and still the message is not run again: %o',
    async (death, id) => {
      const { name, heard } = await ground.replyQueue();
      const { inbox } = await comesAgain(death, id, (one, host) => beHeard(one, host, name, heard), 300);
      expect(bodiesOf(inbox)).toStrictEqual(['two']);
    },
  );

  /** Ends a job whose reply its requester hears, and of which nobody here hears that. */
  async function beHeard(one: Delivery, host: Host, name: string, heard: readonly string[]): Promise<void> {
    ground.proxy.halfOpen('down');
    await answer(host, one, name);
    await eventually(() => heard.length > 0, 'the reply');
  }
});

describe('equal messages', () => {
  /** A journal, on a connection that hears nothing any more once the `last` message may be acknowledged. */
  function deafAfter(last: number): Journal {
    let acknowledged = 0;
    return watched(createMemoryJournal(), async (entry, write) => {
      const isStored = entry.ending !== undefined;
      const ending = await write();
      if (isStored) acknowledged += 1;
      if (acknowledged === last) ground.proxy.halfOpen('down');
      return ending;
    });
  }

  it('are both run though the second, the next step, was lost on a connection that heard nothing any more', async () => {
    const { name, heard } = await ground.replyQueue();
    const host = ground.host({ journal: deafAfter(1), doubtMs: 300 });
    const inbox = openInbox(host.receipts, ground.queue, 2);
    await ground.send('step');
    const first = await inbox.next();
    await answer(host, first, name);
    await eventually(() => heard.length > 0, 'the reply');
    await ground.send('step');
    // It is silent for two heartbeats; then there is another connection, by which the second comes again.
    const second = await inbox.next(20_000);
    expect(second.redelivered).toBe(true);
    expect(bodiesOf(inbox)).toStrictEqual(['step', 'step']);
  });

  it('that wait together are all run, though one was lost so while those before it are in hand', async () => {
    const inbox = openInbox(ground.host({ journal: deafAfter(2) }).receipts, ground.queue, 5);
    await ground.send('step', 'step', 'step');
    await eventually(() => inbox.deliveries.length === 3, 'three jobs', 20_000);
    expect(inbox.deliveries.map(({ redelivered }) => redelivered)).toStrictEqual([false, false, true]);
  });

  it('are all run, one beside the other and one after the other', async () => {
    const inbox = openInbox(ground.host().receipts, ground.queue, 2);
    await ground.send('step', 'step');
    const [one, other] = [await inbox.next(), await inbox.next()];
    expect(copyOf(one)).not.toBe(copyOf(other));
    await one.ack();
    await other.requeue({ delayMs: 0, headers: history() });
    await ground.send('step');
    await inbox.next();
    await inbox.next();
    expect(bodiesOf(inbox)).toStrictEqual(['step', 'step', 'step', 'step']);
  });
});

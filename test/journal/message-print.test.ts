import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Identity, printOf } from '../../src/journal/message-print.ts';
import { finalReplyId } from '../../src/journal/reply-id.ts';
import { writeHistory } from '../../src/protocol/history.ts';
import { deliveryOf } from '../support/delivery.ts';

const sameStep = () =>
  deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'release', replyTo: 'q' });

describe('the print of a message', () => {
  it('is the same for a redelivery and differs with queue, body, ids, reply queue and history', () => {
    const one = sameStep();
    const others = [
      { ...one, queue: 'other' },
      deliveryOf({ parameters: { command: 'b' } }, { correlationId: 'release', replyTo: 'q' }),
      deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'other', replyTo: 'q' }),
      deliveryOf({ parameters: { command: 'a' } }, { correlationId: 'release', replyTo: 'p' }),
      deliveryOf(
        { parameters: { command: 'a' } },
        { correlationId: 'release', replyTo: 'q', messageId: 'm' },
      ),
      deliveryOf(
        { parameters: { command: 'a' } },
        { correlationId: 'release', replyTo: 'q', headers: { 'x-rbit-attempt': 2 } },
      ),
    ];
    const prints = [one, ...others].map((delivery) => printOf(delivery).print);
    expect(new Set(prints).size).toBe(prints.length);
    const again = deliveryOf(
      { parameters: { command: 'a' } },
      { correlationId: 'release', replyTo: 'q', headers: { 'x-delivery-count': 1 } },
      true,
    );
    expect(printOf(again)).toStrictEqual(printOf(one));
  });

  it('does not depend on the order of the headers, which a quorum queue changes when it hands a message out again', () => {
    const headers = { 'x-rbit-started': true, 'x-rbit-attempt': 2 };
    const sorted = { 'x-delivery-count': 1, 'x-rbit-attempt': 2, 'x-rbit-started': true };
    expect(printOf(deliveryOf({}, { headers: sorted }))).toStrictEqual(printOf(deliveryOf({}, { headers })));
  });

  it('gives the final reply one id for a message that has one and for all its copies, and another one to each copy of one that has none', () => {
    const history = { attempt: 2, blocked: 1, retries: 0, started: true, replied: false };
    const idsOf = (messageId?: string): string[] => {
      const properties = { correlationId: 'c', ...(messageId === undefined ? {} : { messageId }) };
      const copy = (attempt: number) => ({
        ...properties,
        headers: { 'x-rbit-follow': true, ...writeHistory({ ...history, attempt }, 'blocked') },
      });
      const sent = { ...properties, headers: { 'x-rbit-follow': true } };
      return [sent, copy(2), copy(3)].map((each) => finalReplyId(printOf(deliveryOf({}, each))));
    };
    expect(new Set(idsOf('m')).size).toBe(1);
    expect(idsOf('other')).not.toEqual(idsOf('m'));
    expect(new Set(idsOf()).size).toBe(3);
  });

  it.each<[Identity, Parameters<typeof deliveryOf>[1]]>([
    ['copy', { messageId: 'm', correlationId: 'c', headers: { 'x-rbit-copy': randomUUID() } }],
    ['message', { messageId: 'm', correlationId: 'c', headers: { 'x-rbit-copy': 'of somebody else' } }],
    ['correlation', { correlationId: 'c', messageId: '' }],
    ['none', { correlationId: '', replyTo: 'q' }],
  ])('tells it from others by what it bears: %s', (identity, properties) => {
    expect(printOf(deliveryOf({}, properties)).identity).toBe(identity);
  });
});

import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Delivery, Message, MessageProperties } from '../../../src/broker/broker.ts';
import { openInbox } from '../inbox.ts';
import { everyProperty, type Ground } from './ground.ts';

const LARGEST = 16 * 1024 * 1024;
const LIMIT_MS = 60_000;

/** Bodies and headers stay what they are, wherever a message goes. */
export function describeFidelity(on: Ground): void {
  describe('a message', () => {
    /** The same message after each way that it can go: published, requeued at once and later, dead-lettered. */
    async function everywhere(
      body: Buffer,
      headers: Readonly<Record<string, unknown>>,
      check: (delivery: Delivery) => void,
    ): Promise<void> {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send(body, { ...everyProperty, headers });
      for (const delayMs of [0, 30]) {
        const delivery = await inbox.next(LIMIT_MS);
        check(delivery);
        expect(await delivery.requeue({ delayMs, headers: {} })).toBe('settled');
      }
      const last = await inbox.next(LIMIT_MS);
      check(last);
      expect(await last.deadLetter({ headers: {} })).toBe('settled');
      check(await openInbox(on.broker, on.dead).next(LIMIT_MS));
    }

    test(
      'of 16 MiB is whole after every way it goes',
      async () => {
        const body = randomBytes(LARGEST);
        await everywhere(body, {}, ({ message }) => expect(message.body.equals(body)).toBe(true));
      },
      4 * LIMIT_MS,
    );

    test.each<[string, Record<string, unknown>]>([
      ['texts', { empty: '', unicode: 'Grüße 🚀 日本', control: '\u0000\n\u001b[2J', quotes: '\'"\\`' }],
      ['names', { größe: 1, '🚀': 2, 'with space': 3, 'a.b': 4, constructor: 5, toString: 'x', '!': 'text' }],
      ['integers', Object.fromEntries(integers.map((number) => [`n${number}`, number]))],
      ['doubles', { tenth: 0.1, negative: -1.5e-300, huge: 1.7e308, tiny: 5e-324 }],
      ['nothing and truth', { none: null, yes: true, no: false }],
      ['lists', { list: [1, 'a', null, [], [[-1]], { in: 'table' }, true], empty: [] }],
      ['tables', { table: { deep: { deeper: { list: [{}], text: '' } }, none: null }, empty: {} }],
      ['bytes', { bytes: Buffer.from([0, 1, 128, 255]), none: Buffer.alloc(0), in: [Buffer.from('x')] }],
      ['typed values', { stamp: { '!': 'timestamp', value: 1_420_000_000 } }],
      ['a long text', { long: 'ä'.repeat(10_000) }],
    ])('keeps headers that are %s', async (_what, headers) => {
      await everywhere(Buffer.from('x'), headers, ({ message }) =>
        expect(withoutTraces(message)).toStrictEqual({ ...everyProperty, headers }),
      );
    });

    test('with a header __proto__ keeps its others, and gets none by it', async () => {
      const headers = JSON.parse('{"__proto__": {"sneaked": 1}, "own": 2}') as Record<string, unknown>;
      await everywhere(Buffer.from('x'), headers, ({ message }) => {
        expect(message.properties.headers['own']).toBe(2);
        expect(message.properties.headers['sneaked']).toBeUndefined();
      });
      expect({}).not.toHaveProperty('sneaked');
    });

    test('without headers and properties gets none on its way, but for persistence', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('x');
      const { persistent: _persistent, ...bare } = (await inbox.next()).message.properties;
      expect(bare).toStrictEqual({ headers: {} });
    });
  });
}

/** A broker may note on a message where it has been, in headers that begin with `x-`. */
function withoutTraces({ properties }: Message): MessageProperties {
  const { headers, ...rest } = properties;
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('x-'));
  return { headers: Object.fromEntries(own), ...rest };
}

const integers = [7, 8, 15, 16, 31, 32].flatMap((bits) => [
  2 ** bits,
  2 ** bits - 1,
  -(2 ** bits),
  -(2 ** bits) - 1,
]);
integers.push(0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 50, 2 ** 50 + 1);

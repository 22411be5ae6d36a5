import { describe, expect, test } from 'vitest';
import type { QueueOptions } from '../../../src/broker/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { bodies, type Ground, publishAll, textOf } from './ground.ts';

/** What a consumer gets that is given another prefetch, or whose queue is another now. */
export function describeRenewing(on: Ground): void {
  describe('renewing a consumer', () => {
    test('more come at once when there may be more, beside those that are in hand', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      for (const body of bodies(5)) await on.send(body);
      const first = await inbox.next();
      inbox.consumer.renew(3);
      await eventually(() => inbox.deliveries.length === 3, 'two more');
      expect(await first.ack()).toBe('settled');
      await eventually(() => inbox.deliveries.length === 4, 'one more');
      expect(inbox.deliveries.map(textOf)).toEqual(['0', '1', '2', '3']);
    });

    test('nothing comes when there may be fewer, until fewer are in hand', async () => {
      const inbox = openInbox(on.broker, on.queue, 3);
      await inbox.consuming();
      for (const body of bodies(5)) await on.send(body);
      const hands = [await inbox.next(), await inbox.next(), await inbox.next()];
      inbox.consumer.renew(1);
      expect(await hands[0]?.ack()).toBe('settled');
      expect(await hands[1]?.ack()).toBe('settled');
      await on.send('5');
      expect(inbox.deliveries).toHaveLength(3);
      expect(await hands[2]?.ack()).toBe('settled');
      expect(textOf(await inbox.next())).toBe('3');
      await on.send('6');
      expect(inbox.deliveries).toHaveLength(4);
    });

    test('nothing is dropped, doubled, redelivered or put in another order, however often it is renewed', async () => {
      const sent = bodies(300);
      const came: string[] = [];
      const again: string[] = [];
      let most = 0;
      let inHand = 0;
      const consumer = on.broker.consume(on.queue, {
        prefetch: 1,
        onDelivery(delivery) {
          came.push(textOf(delivery));
          if (delivery.redelivered) again.push(textOf(delivery));
          inHand += 1;
          most = Math.max(most, inHand);
          setImmediate(() => {
            inHand -= 1;
            void delivery.ack();
          });
        },
      });
      await eventually(() => consumer.state === 'consuming', 'consuming');
      const renewing = setInterval(() => consumer.renew(1), 3);
      await publishAll(on.broker, on.queue, sent);
      await eventually(() => came.length >= sent.length, 'all of them', 20_000);
      clearInterval(renewing);
      expect(came).toEqual(sent);
      expect([again, most]).toEqual([[], 1]);
      await eventually(async () => (await on.broker.count(on.queue)) === 0, 'an empty queue');
    });

    test('many renewals while its hands are full leave one consumer, and what waits for others', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      const first = await on.send('0').then(() => inbox.next());
      for (const body of ['1', '2', '3', '4', '5', '6']) await on.send(body);
      for (let time = 0; time < 20; time += 1) {
        inbox.consumer.renew(1 + (time % 2));
        await eventually(() => inbox.consumer.state === 'consuming', 'consuming');
      }
      inbox.consumer.renew(2);
      await eventually(() => inbox.deliveries.length === 2, 'the second');
      expect(await on.broker.countConsumers(on.queue)).toBeLessThanOrEqual(1);
      expect(await on.broker.count(on.queue)).toBeGreaterThanOrEqual(2);
      await first.ack();
      for (let number = 1; number <= 6; number += 1) await (await inbox.next()).ack();
      expect(inbox.deliveries.map(textOf)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    });

    test('while it is paused, that is for the next time that it is resumed', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await inbox.consumer.pause();
      inbox.consumer.renew(2);
      expect(inbox.consumer.state).toBe('paused');
      for (const body of bodies(3)) await on.send(body);
      inbox.consumer.resume(1);
      const first = await inbox.next();
      await on.send('3');
      expect(inbox.deliveries).toHaveLength(1);
      inbox.consumer.renew(2);
      await eventually(() => inbox.deliveries.length === 2, 'the second');
      await first.ack();
      await eventually(() => inbox.deliveries.length === 3, 'the third');
    });

    test('one that is stopped stays so; one that is renewed and stopped at once gets nothing', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      inbox.consumer.renew(5);
      await inbox.consumer.stop();
      inbox.consumer.renew(3);
      await on.send('x');
      expect(inbox.consumer.state).toBe('stopped');
      expect(inbox.deliveries).toHaveLength(0);
      expect(await on.broker.count(on.queue)).toBe(1);
    });

    test('one that is stopped right after it was renewed keeps nothing of what was on its way', async () => {
      const seen: string[] = [];
      const hasty = on.broker.consume(on.queue, {
        prefetch: 50,
        onDelivery(delivery) {
          seen.push(textOf(delivery));
          void delivery.ack();
          if (seen.length === 20) {
            hasty.renew(40);
            hasty.renew(30);
            void hasty.stop();
          }
        },
      });
      await eventually(() => hasty.state === 'consuming', 'consuming');
      const sent = bodies(200);
      await publishAll(on.broker, on.queue, sent);
      await eventually(() => hasty.state === 'stopped', 'the stop');
      const other = openInbox(on.broker, on.queue, 300);
      await eventually(() => other.deliveries.length === sent.length - seen.length, 'all the others');
      const all = [...seen, ...other.deliveries.map(textOf)];
      expect(all.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent);
    });

    test('it goes by what is known of its queue now', async () => {
      const [queue, dead, key] = [on.name('renewed'), on.name('elsewhere'), on.name('key')];
      const facts = new Map<string, QueueOptions>([[queue, { bind: [], deadLetter: `${queue}.dead` }]]);
      const broker = await on.makeBroker(facts);
      on.adopt(broker);
      broker.start();
      const inbox = openInbox(broker, queue, 1);
      await inbox.consuming();
      facts.set(queue, { bind: [key], deadLetter: dead });
      inbox.consumer.renew(1);
      await eventually(async () => {
        const publication = {
          exchange: on.exchange,
          routingKey: key,
          body: Buffer.from('x'),
          properties: {},
        };
        return (await broker.publish(publication)) === 'routed';
      }, 'the binding');
      await (await inbox.next()).deadLetter({ headers: {} });
      await eventually(async () => (await broker.count(dead)) === 1, 'the dead letter');
    });
  });
}

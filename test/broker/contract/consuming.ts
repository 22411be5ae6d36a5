import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { bodies, type Ground, publishAll, textOf, to } from './ground.ts';

/** What consumers get, and when they get nothing. */
export function describeConsuming(on: Ground): void {
  describe('consuming', () => {
    test('no more than the prefetch is unsettled at a time', async () => {
      const inbox = openInbox(on.broker, on.queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await on.send(body);
      await inbox.next();
      const second = await inbox.next();
      expect(inbox.deliveries).toHaveLength(2);
      await second.ack();
      expect((await inbox.next()).message.body.toString()).toBe('3');
      expect(inbox.deliveries).toHaveLength(3);
    });

    test('messages come in the order in which they were published', async () => {
      const inbox = openInbox(on.broker, on.queue, 100);
      await inbox.consuming();
      const sent = Array.from({ length: 100 }, (_, index) => String(index));
      await Promise.all(sent.map((body) => on.broker.publish(to(on.queue, body))));
      await eventually(() => inbox.deliveries.length === 100, 'all hundred');
      expect(inbox.deliveries.map(textOf)).toEqual(sent);
    });

    test('a paused consumer gets nothing new, can still settle, and goes on when resumed', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      await on.send('1');
      await on.send('2');
      const first = await inbox.next();
      await inbox.consumer.pause();
      expect(inbox.consumer.state).toBe('paused');
      expect(await first.ack()).toBe('settled');
      await on.send('3');
      expect(inbox.deliveries).toHaveLength(1);
      inbox.consumer.resume(2);
      const rest = [await inbox.next(), await inbox.next()];
      expect(rest.map(textOf)).toEqual(['2', '3']);
      expect(await Promise.all(rest.map((delivery) => delivery.ack()))).toEqual(['settled', 'settled']);
    });

    test('the prefetch holds over a pause: what is still unsettled counts', async () => {
      const inbox = openInbox(on.broker, on.queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await on.send(body);
      const [first] = [await inbox.next(), await inbox.next()];
      await inbox.consumer.pause();
      inbox.consumer.resume();
      await inbox.consuming();
      await on.send('5');
      expect(inbox.deliveries).toHaveLength(2);
      await first.ack();
      expect((await inbox.next()).message.body.toString()).toBe('3');
      expect(inbox.deliveries).toHaveLength(3);
    });

    test('one that is resumed for one message gets one at a time, whatever becomes of those from before', async () => {
      const inbox = openInbox(on.broker, on.queue, 3);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4', '5', '6']) await on.send(body);
      const before = [await inbox.next(), await inbox.next(), await inbox.next()];
      await inbox.consumer.pause();
      inbox.consumer.resume(1);
      const probe = await inbox.next();
      expect(textOf(probe)).toBe('4');
      for (const delivery of before) await delivery.ack();
      // What is written after the acknowledgements and confirmed has passed them: nothing more is on its way.
      await on.send('7');
      expect(inbox.deliveries).toHaveLength(4);
      await probe.ack();
      expect(textOf(await inbox.next())).toBe('5');
      expect(inbox.deliveries).toHaveLength(5);
    });

    test('what was held back because of the prefetch, or came while pausing, goes back unseen', async () => {
      const inbox = openInbox(on.broker, on.queue, 2);
      await inbox.consuming();
      for (const body of ['1', '2', '3', '4']) await on.send(body);
      await inbox.next();
      await inbox.next();
      await inbox.consumer.pause();
      inbox.consumer.resume();
      await inbox.consuming();
      await inbox.consumer.stop();
      const other = openInbox(on.broker, on.queue);
      const rest = [await other.next(), await other.next()];
      expect(rest.map(textOf)).toEqual(['3', '4']);
      expect(inbox.deliveries).toHaveLength(2);
    });

    test('pausing at a delivery gets no other one, however many are on their way', async () => {
      const seen: string[] = [];
      const hasty = on.broker.consume(on.queue, {
        prefetch: 50,
        onDelivery({ message }) {
          seen.push(message.body.toString());
          void hasty.pause();
        },
      });
      await eventually(() => hasty.state === 'consuming', 'consuming');
      const sent = Array.from({ length: 50 }, (_, index) => String(index));
      await Promise.all(sent.map((body) => on.broker.publish(to(on.queue, body))));
      const other = openInbox(on.broker, on.queue, 100);
      await eventually(() => other.deliveries.length === 49, 'all the others');
      expect(seen).toEqual(['0']);
    });

    test('a stopped consumer gets nothing new, can still settle, and stays stopped', async () => {
      const inbox = openInbox(on.broker, on.queue, 2);
      await inbox.consuming();
      await on.send('1');
      await on.send('2');
      const [first, second] = [await inbox.next(), await inbox.next()];
      await inbox.consumer.stop();
      expect(inbox.consumer.state).toBe('stopped');
      await on.send('3');
      expect(await first.ack()).toBe('settled');
      expect(await second.requeue({ delayMs: 0, headers: {} })).toBe('settled');
      inbox.consumer.resume();
      await inbox.consumer.pause();
      expect(inbox.consumer.state).toBe('stopped');
      const other = openInbox(on.broker, on.queue);
      expect((await other.next()).message.body.toString()).toBe('3');
      expect(inbox.deliveries).toHaveLength(2);
    });

    test('what waits stays in its order, however often it is paused while its hands are full', async () => {
      const inbox = openInbox(on.broker, on.queue, 1);
      await inbox.consuming();
      const sent = bodies(5);
      for (const body of sent) await on.send(body);
      const first = await inbox.next();
      for (let round = 0; round < 4; round += 1) {
        await inbox.consumer.pause();
        inbox.consumer.resume();
        await inbox.consuming();
        await inbox.consumer.caughtUp();
      }
      await first.ack();
      for (let left = sent.length - 1; left > 0; left -= 1) await (await inbox.next()).ack();
      expect(inbox.deliveries.map(textOf)).toEqual(sent);
      expect(inbox.deliveries.filter(({ redelivered }) => redelivered)).toEqual([]);
    });

    test('a consumer may stop or pause before it has begun', async () => {
      const stopped = openInbox(on.broker, on.queue);
      const paused = openInbox(on.broker, on.queue);
      await Promise.all([stopped.consumer.stop(), paused.consumer.pause()]);
      expect(stopped.consumer.state).toBe('stopped');
      expect(paused.consumer.state).toBe('paused');
      paused.consumer.resume();
      await paused.consuming();
    });

    test('a consumer that throws keeps its consumer, and is heard of', async () => {
      const faults: unknown[] = [];
      on.broker.events.on('delivery:unhandled', ({ error }) => faults.push(error));
      const came: string[] = [];
      const consumer = on.broker.consume(on.queue, {
        prefetch: 2,
        onDelivery({ message }) {
          came.push(message.body.toString());
          if (came.length === 1) throw new Error('a bug');
        },
      });
      await eventually(() => consumer.state === 'consuming', 'consuming');
      await on.send('1');
      await on.send('2');
      await eventually(() => came.length === 2, 'the second message');
      expect(faults).toMatchObject([{ message: 'a bug' }]);
    });

    test('of two brokers that consume a queue each message comes to one', async () => {
      const other = await on.open();
      const inboxes = [openInbox(on.broker, on.queue, 1), openInbox(other, on.queue, 1)];
      await Promise.all(inboxes.map((inbox) => inbox.consuming()));
      const sent = bodies(40);
      for (const body of sent) await on.send(body);
      const seen: string[] = [];
      for (let round = 0; round < sent.length / 2; round += 1) {
        // Neither gets its next before this one is settled, so both have to get one.
        const deliveries = await Promise.all(inboxes.map((inbox) => inbox.next()));
        seen.push(...deliveries.map(textOf));
        await Promise.all(deliveries.map((delivery) => delivery.ack()));
      }
      expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent);
      expect(await on.broker.count(on.queue)).toBe(0);
    });

    test('who has caught up has been given all that the count leaves out', async () => {
      const texts = bodies(200);
      await on.broker.prepare(on.queue);
      await publishAll(on.broker, on.queue, texts);
      const inbox = openInbox(on.broker, on.queue, 500);
      await eventually(async () => (await on.broker.count(on.queue)) === 0, 'all handed out');
      await inbox.consumer.caughtUp();
      expect(inbox.deliveries).toHaveLength(texts.length);
    });

    test('who is paused or stopped has caught up', async () => {
      const inbox = openInbox(on.broker, on.queue);
      await inbox.consuming();
      await inbox.consumer.pause();
      await inbox.consumer.caughtUp();
      await inbox.consumer.stop();
      await inbox.consumer.caughtUp();
    });

    test('consumers of several queues get what is on theirs, each up to its own prefetch', async () => {
      const queues = ['a', 'b', 'c'].map((what) => on.name(what));
      const inboxes = queues.map((queue, index) => openInbox(on.broker, queue, index + 1));
      await Promise.all(inboxes.map((inbox) => inbox.consuming()));
      await on.broker.writable();
      for (const number of bodies(5))
        for (const queue of queues) await on.broker.publish(to(queue, `${queue} ${number}`));
      for (const [index, inbox] of inboxes.entries()) {
        await eventually(() => inbox.deliveries.length === index + 1, 'a full prefetch');
      }
      for (const [index, inbox] of inboxes.entries()) {
        expect(inbox.deliveries).toHaveLength(index + 1);
        expect(inbox.deliveries.map(({ queue }) => queue)).toEqual(inbox.deliveries.map(() => queues[index]));
        expect(inbox.deliveries.map(textOf)).toEqual(
          inbox.deliveries.map((_, number) => `${queues[index]} ${number}`),
        );
      }
    });
  });
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueTable } from '../../../src/broker/embedded/queue-table.ts';
import { queueSchema } from '../../../src/broker/embedded/schema.ts';
import { openDatabase } from '../../../src/sqlite/open-database.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

const on = useQueueFolder();
let ours: QueueTable;
let theirs: QueueTable;
let close: () => void;

beforeEach(() => {
  const [one, other] = [openFile(), openFile()];
  close = () => [one, other].forEach((database) => database.close());
  [ours, theirs] = [new QueueTable(one), new QueueTable(other)];
});
afterEach(() => close());

/** As a process of its own does. */
function openFile() {
  return openDatabase(on.file, queueSchema, { busyTimeoutMs: 1000 });
}

describe('what is known of queues', () => {
  it('is forgotten before a transaction, in which others may have been first', () => {
    const id = ours.findOrMake('queue');
    ours.bind(id, ['a.*']);
    expect([ours.find('queue'), ours.find('later'), ours.boundTo('a.b')]).toStrictEqual([
      id,
      undefined,
      [id],
    ]);
    const later = theirs.findOrMake('later');
    theirs.bind(later, ['a.b']);
    theirs.remove(id);
    ours.forget();
    expect([ours.find('queue'), ours.find('later'), ours.boundTo('a.b')]).toStrictEqual([
      undefined,
      later,
      [later],
    ]);
  });

  it('is not believed for long outside of one', async () => {
    const id = ours.findOrMake('queue');
    ours.bind(id, ['a.*']);
    expect(ours.boundTo('a.b')).toStrictEqual([id]);
    theirs.remove(id);
    const later = theirs.findOrMake('later');
    await eventually(() => ours.find('queue') === undefined, 'that the queue is gone', 1000);
    await eventually(() => ours.boundTo('a.b').length === 0, 'that nothing leads to it', 1000);
    expect(ours.find('later')).toBe(later);
  });

  it('follows at once what is done here', () => {
    expect([ours.find('queue'), ours.boundTo('a.b')]).toStrictEqual([undefined, []]);
    const id = ours.findOrMake('queue');
    ours.bind(id, ['a.b']);
    expect([ours.find('queue'), ours.boundTo('a.b')]).toStrictEqual([id, [id]]);
    ours.remove(id);
    expect([ours.find('queue'), ours.boundTo('a.b')]).toStrictEqual([undefined, []]);
  });
});

describe('a message', () => {
  it('reaches the queue that has its name when it is written, whatever was known a moment before', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    await broker.prepare('replies');
    await broker.publish(to('jobs', 'job'));
    const delivery = await openInbox(broker, 'jobs').next();
    expect(await broker.publish(to('replies', 'completed'), delivery)).toBe('routed');
    const id = theirs.find('replies') ?? 0;
    theirs.remove(id);
    // A queue that was made last leaves its id to the next one.
    expect(theirs.findOrMake('another')).toBe(id);
    expect(await delivery.ack()).toBe('settled');
    expect(await broker.count('another')).toBe(0);
  });
});

function to(queue: string, body: string) {
  return { exchange: '', routingKey: queue, body: Buffer.from(body), properties: {} };
}

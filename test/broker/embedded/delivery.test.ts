import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

const on = useQueueFolder();

describe('a publication that is to settle a delivery', () => {
  it('of another file goes out on its own', async () => {
    const [broker, other] = [on.open(), on.open(new Map(), join(on.folder, 'other.sqlite'))];
    await broker.prepare('jobs');
    await other.prepare('replies');
    await broker.publish({ exchange: '', routingKey: 'jobs', body: Buffer.from('job'), properties: {} });
    const delivery = await openInbox(broker, 'jobs').next();
    const reply = { exchange: '', routingKey: 'replies', body: Buffer.from('done'), properties: {} };
    expect(await other.publish(reply, delivery)).toBe('routed');
    expect(await other.count('replies')).toBe(1);
    expect(delivery.isLost).toBe(false);
    expect(await delivery.ack()).toBe('settled');
  });
});

import { describe, expect, it } from 'vitest';
import { createBatch } from '../../src/client/batch.ts';
import { createTally } from '../../src/client/tally.ts';

const job = { queue: 'q', body: Buffer.from('{}'), isJson: true, id: 'b', replyTo: 'r' };

function reply(correlationId: string, status: string): Parameters<ReturnType<typeof createBatch>['hear']>[0] {
  const body = Buffer.from(JSON.stringify({ status }));
  return { exchange: '', message: { body, properties: { headers: {}, correlationId } } };
}

describe('many jobs', () => {
  it('each has an id of its own, and its first final reply counts', () => {
    const ends: string[] = [];
    const batch = createBatch({ job, count: 3, onEnd: (id, { event }) => ends.push(`${id} ${event}`) });
    expect(batch.publicationOf(0).properties).toMatchObject({
      correlationId: 'b.1',
      replyTo: 'r',
      persistent: true,
    });
    expect(batch.publicationOf(1).properties.messageId).not.toBe(batch.publicationOf(0).properties.messageId);
    // The third is not sent yet; the others are not ours.
    for (const id of ['b.1', 'b.1', 'b.3', 'b.4', 'b.0', 'b.x', 'b', 'c.2', 'b.1.5'])
      batch.hear(reply(id, 'completed'));
    batch.hear(reply('b.2', 'started'));
    batch.hear(reply('b.2', 'failed'));
    expect(ends).toStrictEqual(['b.1 completed', 'b.2 failed']);
    expect(batch.tally).toMatchObject({ completed: 1, failed: 1 });
  });

  it('what share of them ended within what time', () => {
    const tally = createTally(1000);
    expect(tally.percentileMs(0.5)).toBeUndefined();
    tally.sent(0);
    tally.ended(0, 'completed');
    const only = tally.percentileMs(0.95);
    expect(tally.percentileMs(0.5)).toBe(only);
    for (let index = 1; index < 1000; index += 1) tally.sent(index);
    for (let index = 1; index < 1000; index += 1) tally.ended(index, 'completed');
    const [p0 = 0, p50 = 0, p95 = 0, p100 = 0] = [0, 0.5, 0.95, 1].map((share) => tally.percentileMs(share));
    expect([p0, p50, p95, p100]).toStrictEqual([p0, p50, p95, p100].sort((a, b) => a - b));
    expect(p0).toBeLessThan(p100);
  });
});

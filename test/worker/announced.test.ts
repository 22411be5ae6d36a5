import { beforeEach, describe, expect, it } from 'vitest';
import type { MessageProperties } from '../../src/broker/broker.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, crashed, failed, type Outcome } from '../../src/job/outcome.ts';
import { createRelay } from '../../src/journal/relay.ts';
import { statusOf } from '../../src/protocol/replies.ts';
import { perform } from '../../src/worker/perform.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, openBench } from './bench.ts';
import { policy } from './policy.ts';
import { altered } from '../support/altered.ts';

let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  return () => bench.broker.close(1_000);
});

interface Announced {
  readonly begun: WorkEvents['job:begun'][0][];
  readonly ran: WorkEvents['job:ran'][0][];
  readonly ended: WorkEvents['job:ended'][0][];
}

/** What is announced of one job with these properties whose runner returns `outcome`. */
async function announced(
  outcome: Outcome,
  { properties, retries = 0 }: { properties?: Partial<MessageProperties>; retries?: number } = {},
): Promise<Announced> {
  const at = bench.workplace(async () => outcome);
  const heard: Announced = { begun: [], ran: [], ended: [] };
  at.events.on('job:begun', (fact) => heard.begun.push(fact));
  at.events.on('job:ran', (fact) => heard.ran.push(fact));
  at.events.on('job:ended', (fact) => heard.ended.push(fact));
  await perform(await bench.deliver(properties), { ...at, policy: { ...policy, retries } });
  return heard;
}

describe('of a job', () => {
  it.each<[string, Outcome, number, boolean, boolean]>([
    ['completed', completed(), 0, true, false],
    ['failed for good', failed('no'), 1, true, false],
    ['failed with a retry left', crashed('exit code 1'), 1, false, true],
    ['blocked', { kind: 'blocked', reason: 'locked', delayMs: 1_000 }, 0, false, true],
  ])(
    'that %s it is announced whether it is over, and whether it runs again',
    async (_, outcome, retries, isFinal, goesBack) => {
      const { ended } = await announced(outcome, { retries });
      expect(ended).toMatchObject([{ isFinal, goesBack }]);
    },
  );

  it('that is kept it is announced when that was, as its message says', async () => {
    const at = bench.workplace(async () => failed('no'));
    const ended: WorkEvents['job:ended'][0][] = [];
    at.events.on('job:ended', (fact) => ended.push(fact));
    await perform(await bench.deliver(), { ...at, policy: { ...policy, keepFailed: true } });
    await perform(await bench.deliver(), { ...at, policy: { ...policy, keepFailed: false } });
    const [kept, gone] = ended;
    expect(new Date(kept?.keptAt ?? '').toISOString()).toBe(kept?.keptAt);
    expect(gone?.keptAt).toBeUndefined();
    expect(kept?.run).toBeGreaterThan(0);
    expect(gone?.run).toBe((kept?.run ?? 0) + 1);
  });

  it('whose requester was answered before neither is', async () => {
    const { ended, begun } = await announced(completed(), {
      properties: { headers: { 'x-rbit-replied': true } },
    });
    expect(ended).toMatchObject([{ isFinal: false, goesBack: false }]);
    expect(begun).toStrictEqual([]);
  });

  it('the end of the run is announced once, with what it took', async () => {
    const { ran } = await announced(completed());
    expect(ran).toHaveLength(1);
    expect(ran[0]?.durationMs).toBeGreaterThanOrEqual(0);
    expect(ran[0]?.durationMs).toBeLessThan(5_000);
  });

  it('the wait is announced if its message says when it was sent', async () => {
    const { begun } = await announced(completed(), { properties: { timestamp: Date.now() - 90_000 } });
    expect(begun[0]?.waitedMs).toBeGreaterThanOrEqual(90_000);
    expect(begun[0]?.waitedMs).toBeLessThan(95_000);
  });

  it.each<[string, Partial<MessageProperties>]>([
    ['does not say', {}],
    ['was put back before', { timestamp: 1_000, headers: { 'x-rbit-attempt': 2 } }],
  ])('no wait is announced if its message %s', async (_, properties) => {
    const { begun } = await announced(completed(), { properties });
    expect(begun).toHaveLength(1);
    expect(begun[0]).not.toHaveProperty('waitedMs');
  });
});

describe('of a reply', () => {
  it('is told that it was sent when the broker has confirmed it, and of one that nobody takes nothing', async () => {
    const sent: string[] = [];
    const relay = createRelay(bench.broker, (reply) => sent.push(statusOf(reply)));
    const at = bench.workplace(async () => completed({ text: '{"status":"failed"}' }), { relay });
    await perform(await bench.deliver(), at);
    await perform(await bench.deliver({ replyTo: 'gone' }), at);
    await eventually(() => sent.length >= 2, 'both replies');
    // Nobody waits for the confirm of "started".
    expect(sent.toSorted()).toStrictEqual(['completed', 'started']);
  });

  it('each one that is dropped is told, and which of them repeats what was said before', async () => {
    const at = bench.workplace(async () => completed());
    const dropped: WorkEvents['reply:dropped'][0][] = [];
    at.events.on('reply:dropped', (fact) => dropped.push(fact));
    await perform(await bench.deliver({ replyTo: 'gone' }), at);
    await eventually(() => dropped.length >= 2, 'both replies');
    expect(dropped.map(({ status }) => status).toSorted()).toStrictEqual(['completed', 'started']);
    expect(dropped.map(({ isRepeated }) => isRepeated)).toStrictEqual([false, true]);
  });

  it('the status of a body that was not made here is unknown', () => {
    for (const body of ['', '{}', 'null', '{"a":1,"status":"completed"}', `{"status":"${'x'.repeat(100)}"}`])
      expect(statusOf({ body: Buffer.from(body) }), body).toBe('unknown');
  });
});

describe('what the requester was told', () => {
  it('is that it has to wait, when the message was lost and the daemon stops', async () => {
    const drain = new AbortController();
    let isLost = false;
    const at = bench.workplace(async () => {
      isLost = true;
      drain.abort();
      return completed();
    });
    const ended: WorkEvents['job:ended'][0][] = [];
    at.events.on('job:ended', (fact) => ended.push(fact));
    const delivery = altered(await bench.deliver(), {
      get isLost() {
        return isLost;
      },
    });
    await perform(delivery, { ...at, draining: drain.signal });
    expect(ended).toMatchObject([{ isFinal: true, reply: 'waiting' }]);
  });

  it('is what it was told before, when only the acknowledgement was lost', async () => {
    const at = bench.workplace(async () => completed());
    const ended: WorkEvents['job:ended'][0][] = [];
    at.events.on('job:ended', (fact) => ended.push(fact));
    const delivery = await bench.deliver({ messageId: 'm' });
    await perform(altered(delivery, { ack: async () => 'lost' }), at);
    await perform(altered(delivery, { redelivered: true }), at);
    expect(ended).toMatchObject([
      { isRepeated: false, reply: 'completed' },
      { isRepeated: true, reply: 'completed' },
    ]);
    expect(bench.replies.deliveries).toHaveLength(2);
  });
});

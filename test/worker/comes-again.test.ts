import { randomUUID } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, MessageProperties, Publication, Settlement } from '../../src/broker/broker.ts';
import { completed, crashed, type Outcome } from '../../src/job/outcome.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { Relay, SentReply } from '../../src/journal/relay.ts';
import { altered } from '../support/altered.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.ts';
import { printOf } from '../../src/journal/message-print.ts';
import { Slots } from '../../src/worker/slots.ts';
import { perform } from '../../src/worker/perform.ts';
import type { Workplace } from '../../src/worker/workplace.ts';
import { deliveryOf } from '../support/delivery.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, openBench } from './bench.ts';
import { policy } from './policy.ts';

/** What was done with messages and replies, in order. */
let done: string[];
let runs: number;
let journal: Journal;
let bench: Bench;
beforeEach(async () => {
  [done, runs, journal, bench] = [[], 0, createMemoryJournal(), await openBench()];
});
afterEach(() => bench.broker.close(1000));

interface Script extends Partial<Pick<Delivery, 'redelivered' | 'crashes'>> {
  readonly settlement?: Settlement;
  readonly properties?: Partial<MessageProperties>;
}

/** A delivery that notes how it is settled; `lose` takes its channel away. */
function delivered(
  name: string,
  script: Script = {},
): Delivery & { lose(): void; blame(counts: boolean): Promise<void> } {
  const { settlement = 'settled', properties, redelivered = false, crashes = 0 } = script;
  let isLost = false;
  const settle = async (how: string): Promise<Settlement> => {
    done.push(`${name}: ${how}`);
    if (settlement === 'lost') isLost = true;
    return isLost ? 'lost' : settlement;
  };
  return {
    ...deliveryOf(
      {},
      { correlationId: 'c', replyTo: 'replies', persistent: true, ...properties },
      redelivered,
    ),
    crashes,
    get isLost() {
      return isLost;
    },
    lose() {
      isLost = true;
    },
    isReachable: async () => !isLost,
    ack: () => settle('ack'),
    async requeue({ onCopied }) {
      await onCopied?.();
      return settle('requeue');
    },
    async deadLetter({ onCopied, headers }) {
      await onCopied?.();
      return settle(`dead-letter: ${String(headers['x-rbit-reason'])}`);
    },
  };
}

/** A workplace whose replies are noted, with their message ids, in place of being sent. */
function workplace(
  run: () => Promise<Outcome> = async () => completed(),
  {
    send,
    ...changes
  }: Partial<Workplace> & { send?: (reply: Publication, settling?: Delivery) => Promise<SentReply> } = {},
): Workplace & { ids: (string | undefined)[] } {
  const ids: (string | undefined)[] = [];
  const note = (reply: Publication): void => {
    done.push(`reply: ${(JSON.parse(reply.body.toString()) as { status: string }).status}`);
    ids.push(reply.properties.messageId);
  };
  const relay: Relay = {
    async sendOnce(reply) {
      note(reply);
      return { kind: 'sent' };
    },
    async send(reply, settling) {
      const sent: SentReply = (await send?.(reply, settling)) ?? {
        kind: settling?.isLost === true ? 'lost' : 'sent',
      };
      if (sent.kind === 'sent') note(reply);
      return sent;
    },
  };
  const at = bench.workplace(
    async () => {
      runs += 1;
      return run();
    },
    { relay },
  );
  return { ...at, journal, ...changes, ids };
}

describe('a message that comes again', () => {
  it('after its job ended unheard is answered from the record and acknowledged, not run again', async () => {
    const first = delivered('first');
    const at = workplace(async () => {
      first.lose();
      return completed({ n: 1 });
    });
    const draining = AbortSignal.abort();
    await perform(first, { ...at, slots: { take: async () => () => {} } as never, draining });
    expect(done).toStrictEqual(['reply: started']);
    await perform(delivered('again', { redelivered: true }), workplace());
    expect({ done, runs }).toStrictEqual({
      done: ['reply: started', 'reply: completed', 'again: ack'],
      runs: 1,
    });
  });

  it('after its requester has heard the end is acknowledged without another word', async () => {
    await perform(delivered('first', { settlement: 'lost' }), workplace());
    await perform(delivered('again', { redelivered: true }), workplace());
    expect({ done, runs }).toStrictEqual({
      done: ['reply: started', 'reply: completed', 'first: ack', 'again: ack'],
      runs: 1,
    });
  });

  it('after its reply was confirmed and before any ack was written is not answered twice', async () => {
    const first = delivered('first');
    const at = workplace(undefined, {
      async send() {
        first.lose();
        return { kind: 'sent' };
      },
    });
    await perform(first, at);
    await perform(delivered('again', { redelivered: true }), workplace());
    expect(done).toStrictEqual(['reply: started', 'reply: completed', 'again: ack']);
  });

  it('after its copy took its place is only acknowledged', async () => {
    const blocked = workplace(async () => ({ kind: 'blocked', reason: 'r' }));
    await perform(delivered('first', { settlement: 'moved' }), blocked);
    await perform(delivered('again', { redelivered: true }), workplace());
    expect({ done, runs }).toStrictEqual({
      done: ['reply: started', 'first: requeue', 'again: ack'],
      runs: 1,
    });
  });

  it('unknown here runs without a second "started"', async () => {
    await perform(delivered('again', { redelivered: true }), workplace());
    expect({ done, runs }).toStrictEqual({ done: ['reply: completed', 'again: ack'], runs: 1 });
  });

  it('and was never begun by anybody is a job like any other, whatever equal one was settled', async () => {
    await perform(delivered('step 1'), workplace());
    await perform(delivered('step 2', { redelivered: true }), workplace());
    expect(runs).toBe(2);
  });

  it('is not begun by what was lost of a job that has left: nobody joins what nobody waits for', async () => {
    const first = delivered('first', { settlement: 'lost' });
    const released = Promise.withResolvers<void>();
    const slow: Journal = {
      ...journal,
      async begin(message) {
        const entry = await journal.begin(message);
        return altered(entry, {
          async released() {
            await entry.released();
            await released.promise;
          },
        });
      },
    };
    const at = workplace(undefined, { journal: slow });
    const performing = perform(first, at);
    await eventually(() => done.includes('first: ack'), 'the ack that was lost');
    await perform(delivered('again', { redelivered: true }), at);
    released.resolve();
    await performing;
    expect(done.at(-1)).toBe('again: ack');
  });
});

describe('the final reply of a job whose delivery was lost', () => {
  const lostAtTheEnd = (properties: Partial<MessageProperties> = {}) => {
    const first = delivered('first', { properties });
    const at = workplace(async () => {
      first.lose();
      return completed();
    });
    return { first, at, performing: perform(first, at) };
  };

  it('waits for the message, and goes out with the delivery that brings it', async () => {
    const { at, performing } = lostAtTheEnd();
    const told: string[] = [];
    at.events.on('reply:waiting', ({ id, status }) => told.push(`${id} ${status}`));
    await eventually(() => at.running.list()[0]?.verdict !== undefined, 'the end of the run');
    expect(done).toStrictEqual(['reply: started']);
    await perform(delivered('again', { redelivered: true }), at);
    await performing;
    expect({ done, runs, told }).toStrictEqual({
      done: ['reply: started', 'reply: completed', 'again: ack'],
      runs: 1,
      told: ['c completed'],
    });
  });

  it('is not sent when the message went elsewhere, where its job is answered', async () => {
    const { at, performing } = lostAtTheEnd();
    await eventually(() => at.running.list()[0]?.verdict !== undefined, 'the end of the run');
    at.running.giveUpTheLost('elsewhere');
    await performing;
    expect(done).toStrictEqual(['reply: started']);
  });

  it('waits no longer than the daemon lives: the next one, or another host, has the record or the job', async () => {
    const first = delivered('first');
    const draining = new AbortController();
    const at = workplace(
      async () => {
        first.lose();
        return completed();
      },
      { draining: draining.signal },
    );
    const performing = perform(first, at);
    await eventually(() => at.running.list()[0]?.verdict !== undefined, 'the end of the run');
    draining.abort();
    await performing;
    expect(done).toStrictEqual(['reply: started']);
  });

  it('leaves nothing behind that listens for the end of the daemon', async () => {
    const { at, performing } = lostAtTheEnd();
    await eventually(() => at.running.list()[0]?.verdict !== undefined, 'the end of the run');
    at.running.giveUpTheLost('gone');
    await performing;
    expect(getEventListeners(at.draining, 'abort')).toHaveLength(0);
  });

  it('is sent when the message is gone for good: nobody else will answer', async () => {
    const { at, performing } = lostAtTheEnd();
    await eventually(() => at.running.list()[0]?.verdict !== undefined, 'the end of the run');
    at.running.giveUpTheLost('gone');
    await performing;
    expect(done).toStrictEqual(['reply: started', 'reply: completed']);
  });

  it('that cannot be sent any more, since the broker is closed, is left to the record', async () => {
    const at = workplace(undefined, { send: async () => ({ kind: 'lost' }) });
    await perform(delivered('first'), at);
    expect(done).toStrictEqual(['reply: started']);
    await perform(delivered('again', { redelivered: true }), workplace());
    expect(done).toStrictEqual(['reply: started', 'reply: completed', 'again: ack']);
  });

  it('that could not be confirmed goes out again with the next delivery, and the same message id', async () => {
    const first = delivered('first');
    const tried: (string | undefined)[] = [];
    const at = workplace(undefined, {
      async send(reply, settling) {
        tried.push(reply.properties.messageId);
        if (settling !== first) return { kind: 'sent' };
        first.lose();
        return { kind: 'lost' };
      },
    });
    const performing = perform(first, at);
    await eventually(() => tried.length === 1, 'the first try');
    await perform(delivered('again', { redelivered: true }), at);
    await performing;
    expect(done).toStrictEqual(['reply: started', 'reply: completed', 'again: ack']);
    expect(tried[0]).toBeDefined();
    expect(tried).toStrictEqual([at.ids[1], at.ids[1]]);
  });
});

describe('a copy of ours that was published twice', () => {
  const copy = (name: string, changes: Script = {}) =>
    delivered(name, {
      ...changes,
      properties: { headers: { 'x-rbit-copy': token, 'x-rbit-started': true } },
    });
  const token = randomUUID();

  it('is run once: the second is dropped while the first one runs', async () => {
    const end = Promise.withResolvers<Outcome>();
    const at = workplace(() => end.promise);
    const told: string[] = [];
    at.events.on('job:duplicate', ({ id }) => told.push(id));
    const performing = perform(copy('one'), at);
    await eventually(() => runs === 1, 'the run');
    await perform(copy('two'), at);
    end.resolve(completed());
    await performing;
    expect({ done, told }).toStrictEqual({ done: ['two: ack', 'reply: completed', 'one: ack'], told: ['c'] });
  });

  it('is run once: the second is dropped when the first one was settled', async () => {
    await perform(copy('one'), workplace());
    await perform(copy('two', { redelivered: true }), workplace());
    expect({ done, runs }).toStrictEqual({ done: ['reply: completed', 'one: ack', 'two: ack'], runs: 1 });
  });

  it('takes the place of the first when that was lost, though nobody has handed it out before', async () => {
    const end = Promise.withResolvers<Outcome>();
    const at = workplace(() => end.promise);
    const one = copy('one');
    const performing = perform(one, at);
    await eventually(() => runs === 1, 'the run');
    one.lose();
    await perform(copy('two'), at);
    end.resolve(completed());
    await performing;
    expect({ done, runs }).toStrictEqual({ done: ['reply: completed', 'two: ack'], runs: 1 });
  });

  it('is settled by the record of the first, when that was lost at its end', async () => {
    await perform(copy('one', { settlement: 'lost' }), workplace());
    await perform(copy('two'), workplace());
    expect({ done, runs }).toStrictEqual({
      done: ['reply: completed', 'one: ack', 'two: ack'],
      runs: 1,
    });
  });

  it('keeps the id of its job, also if its message has none and went back unseen before', async () => {
    const ids: string[] = [];
    const blocked = bench.workplace(async ({ id }) => {
      ids.push(id);
      return { kind: 'blocked', reason: 'r', delayMs: 1 };
    });
    const headers = { 'x-rbit-copy': token };
    await perform(await bench.deliver({ correlationId: '', headers }), blocked);
    await perform(await bench.jobs.next(), blocked);
    expect(ids[0]).toMatch(/./);
    expect(ids[1]).toBe(ids[0]);
  });

  it('is begun by somebody else with a token of its own', async () => {
    const blocked = workplace(async () => ({ kind: 'blocked', reason: 'r', delayMs: 1 }));
    await perform(await bench.deliver(), blocked);
    const first = await bench.jobs.next();
    await perform(first, blocked);
    const second = await bench.jobs.next();
    const tokens = [first, second].map(({ message }) => message.properties.headers['x-rbit-copy']);
    expect(new Set(tokens).size).toBe(2);
    expect([first, second].map((delivery) => printOf(delivery).identity)).toStrictEqual(['copy', 'copy']);
  });
});

describe('a job that takes the daemon down', () => {
  const limited = { ...policy, crashLimit: 2 };

  it('is dead-lettered and answered at its limit, and runs until then', async () => {
    const at = workplace(undefined, { policy: limited });
    await perform(delivered('one crash', { redelivered: true, crashes: 1 }), at);
    await perform(
      delivered('two', { redelivered: true, crashes: 2, properties: { correlationId: 'd' } }),
      at,
    );
    expect({ done, runs }).toStrictEqual({
      done: [
        'reply: completed',
        'one crash: ack',
        'reply: failed',
        'two: dead-letter: the daemon died 2 times while it ran this job (crash-limit)',
      ],
      runs: 1,
    });
  });

  it('runs alone among its like where one more would be its last, so that none pays for another', async () => {
    const ends = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()];
    const began: string[] = [];
    const blamed: string[] = [];
    const slots = new Slots(3);
    const at = workplace(undefined, { policy: limited, slots });
    const waits: string[] = [];
    at.events.on('job:suspect', ({ id, crashes }) => waits.push(`${id} after ${crashes}`));
    const jobAt = (name: string, crashes: number, end: Promise<Outcome>): Promise<void> => {
      const delivery = delivered(name, {
        redelivered: crashes > 0,
        crashes,
        properties: { correlationId: name },
      });
      delivery.blame = async (counts) => void (counts && blamed.push(name));
      const run = async (): Promise<Outcome> => {
        began.push(name);
        return end;
      };
      return perform(delivery, { ...at, runner: { ...at.runner, run } });
    };
    const [first, second] = ends.map(({ promise }, index) => jobAt(`suspect ${index + 1}`, 1, promise));
    const other = jobAt('other', 0, Promise.resolve(completed()));
    await other;
    await eventually(() => began.length === 2, 'two of the three');
    expect({ began: new Set(began), blamed: new Set(blamed) }).toStrictEqual({
      began: new Set(['suspect 1', 'other']),
      blamed: new Set(['suspect 1', 'other']),
    });
    expect(waits).toStrictEqual(['suspect 2 after 1']);
    ends[0]?.resolve(completed());
    await first;
    await eventually(() => began.includes('suspect 2'), 'the second');
    expect(blamed.at(-1)).toBe('suspect 2');
    expect(blamed).toHaveLength(3);
    ends[1]?.resolve(completed());
    await second;
  });

  it('is not what only waits for its slot', async () => {
    const blamed: boolean[] = [];
    const draining = new AbortController();
    const at = workplace(undefined, { slots: new Slots(0), draining: draining.signal });
    const delivery = delivered('waits');
    delivery.blame = async (counts) => void blamed.push(counts);
    const performing = perform(delivery, at);
    await eventually(() => blamed.length > 0, 'the wait');
    draining.abort();
    await performing;
    expect(blamed).toStrictEqual([false]);
  });

  it('is counted by the journal where the broker cannot', async () => {
    const counted: Journal = {
      ...journal,
      recall: async (message) => altered(await journal.begin(message), { crashes: 1, isRecalled: true }),
    };
    const at = workplace(undefined, { policy: limited, journal: counted });
    await perform(delivered('x', { redelivered: true, crashes: 1 }), at);
    expect({ done: done.at(-1), runs }).toStrictEqual({
      done: 'x: dead-letter: the daemon died 2 times while it ran this job (crash-limit)',
      runs: 0,
    });
  });

  it('is answered as failed, once, where it is said that it must not run again', async () => {
    const at = workplace(undefined, { policy: { ...policy, onRestart: 'fail' } });
    await perform(delivered('first'), at);
    await perform(delivered('put back', { redelivered: true, properties: { correlationId: 'd' } }), at);
    await perform(
      delivered('died', { redelivered: true, crashes: 1, properties: { correlationId: 'e' } }),
      at,
    );
    expect({ done, runs }).toStrictEqual({
      done: [
        'reply: started',
        'reply: completed',
        'first: ack',
        'reply: completed',
        'put back: ack',
        'reply: failed',
        'died: ack',
      ],
      runs: 2,
    });
  });
});

describe('what is written down', () => {
  it('is written before it is done: begun before the run, the end before the reply, the reply before the ack', async () => {
    const note = (step: string) => void done.push(step);
    const noted: Journal = {
      ...journal,
      async begin(message) {
        const entry = await journal.begin(message);
        note('begun');
        return altered(entry, {
          async ended(verdict, reply) {
            const ending = await entry.ended(verdict, reply);
            note('ended');
            return ending;
          },
          async replied() {
            note('replied');
            await entry.replied();
          },
          async acking() {
            await entry.acking();
            note('acking');
          },
          async moved() {
            await entry.moved();
            note('moved');
          },
          async settled() {
            note('settled');
            await entry.settled();
          },
        });
      },
    };
    const at = (run: () => Promise<Outcome>, keepFailed = false) =>
      workplace(
        async () => {
          note('run');
          return run();
        },
        { journal: noted, policy: { ...policy, keepFailed } },
      );
    const path = ['begun', 'reply: started', 'run', 'ended'];
    await perform(
      delivered('a'),
      at(async () => completed()),
    );
    expect(done.splice(0)).toStrictEqual([
      ...path,
      'reply: completed',
      'replied',
      'acking',
      'a: ack',
      'settled',
    ]);
    await perform(
      delivered('b'),
      at(async () => ({ kind: 'blocked', reason: 'r' })),
    );
    expect(done.splice(0)).toStrictEqual([...path, 'moved', 'b: requeue', 'settled']);
    await perform(
      delivered('d'),
      at(async () => crashed('no'), true),
    );
    expect(done.splice(0)).toStrictEqual([
      ...path,
      'reply: failed',
      'replied',
      'moved',
      'd: dead-letter: no',
      'settled',
    ]);
  });

  it('by a journal that breaks its promises costs neither the reply nor the message', async () => {
    const broken: Journal = {
      ...journal,
      begin: async () => {
        throw new Error('broken');
      },
    };
    const at = workplace(undefined, { journal: broken });
    const bugs: string[] = [];
    const ends: string[] = [];
    at.events.on('job:ended', ({ disposal }) => ends.push(disposal));
    at.events.on('bug', ({ where }) => bugs.push(where));
    await perform(delivered('x'), at);
    expect(bugs).toStrictEqual(['performing job c of jobs']);
    expect(ends).toStrictEqual(['dead-lettered']);
    expect(at.running.count).toBe(0);
    expect(done).toStrictEqual([
      'reply: failed',
      'x: dead-letter: the job was given up: an error of the worker itself',
    ]);
  });
});

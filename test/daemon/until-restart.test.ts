import { describe, expect, it } from 'vitest';
import { type Acks, applicable } from '../../src/daemon/until-restart.ts';
import { load } from '../config/config-folder.ts';

const BASE = `[rbit]
name = w
queue-mappings = a:one
[amqp]
url = amqp://u:hunter22@mq/jobs
[runner:one]
runner = shell!true
`;
const DONE: Acks = { of: (queue) => (queue === 'a' ? 'done' : undefined), mayReceive: false };

async function apply(after: string, acks = DONE, before = BASE): Promise<ReturnType<typeof applicable>> {
  return applicable(await load(before), await load(after), acks);
}

async function outcome(
  after: string,
  acks: Acks,
  before = BASE,
): Promise<{ mapped: Record<string, string>; acks: Record<string, string>; waiting: readonly string[] }> {
  const { config, waiting } = await apply(after, acks, before);
  const ofRunners = [...config.runners.values()].map(({ name, ack }) => [name, ack] as const);
  return { mapped: Object.fromEntries(config.mappings), acks: Object.fromEntries(ofRunners), waiting };
}

describe('what takes a restart', () => {
  it('is said, without values, and stays as it was, while the rest is taken over', async () => {
    const { config, waiting } = await apply(
      BASE.replace('name = w', 'name = other\nlog-format = json\nlog-level = debug')
        .replace('hunter22@mq', 'hunter33@other')
        .replace(
          '[runner:one]',
          'exchange = re\nheartbeat = 5s\n[http]\nlisten = 127.0.0.1:9464\n[runner:one]\nretries = 3',
        ),
    );
    expect(waiting).toEqual([
      '[rbit] name: takes a restart',
      '[rbit] state-dir: takes a restart',
      '[rbit] log-format: takes a restart',
      '[amqp] host: takes a restart',
      '[amqp] password: takes a restart',
      '[amqp] heartbeat: takes a restart',
      '[amqp] exchange: takes a restart',
      '[http]: takes a restart',
    ]);
    expect(config.rbit).toMatchObject({ name: 'w', logFormat: 'auto', logLevel: 'debug' });
    expect(config.amqp).toMatchObject({
      heartbeatMs: 20_000,
      exchange: undefined,
      urls: [{ hostname: 'mq' }],
    });
    expect(config.http).toBeUndefined();
    expect(config.runners.get('one')).toMatchObject({ retries: 3 });
  });

  it('is nothing when nothing of it has changed', async () => {
    expect((await apply(BASE)).waiting).toEqual([]);
  });

  it('is RabbitMQ instead of the embedded queue, and the reverse', async () => {
    const embedded = BASE.replace(/\[amqp\]\nurl.*\n/, '');
    expect((await apply(embedded)).waiting).toEqual(['[amqp]: takes a restart']);
    const { config, waiting } = await apply(BASE, DONE, embedded);
    expect(waiting).toEqual(['[amqp]: takes a restart']);
    expect(config.amqp).toBeUndefined();
  });

  it('is another ack of a runner that has a queue; its other keys are taken over', async () => {
    const { config, waiting } = await apply(`${BASE}ack = receipt\nconcurrency = 3\n`);
    expect(waiting).toEqual(['runner one: ack: takes a restart']);
    expect(config.runners.get('one')).toMatchObject({ ack: 'done', concurrency: 3 });
    expect(config.mappings.get('a')).toBe('one');
  });

  it('is a runner with another ack for a queue: the old one goes on', async () => {
    const after = `${BASE.replace('a:one', 'a:two')}[runner:two]\nrunner = shell!true\nack = receipt\n`;
    const { config, waiting } = await apply(after.replace(/\[runner:one\]\nrunner = shell!true\n/, ''));
    expect(waiting).toEqual(['queue a: runner two, whose ack is receipt: takes a restart']);
    expect(config.mappings.get('a')).toBe('one');
    expect(config.runners.get('one')).toMatchObject({ spec: 'true' });
  });

  it('is no reason to work a queue no more that is worked now, whichever runners change places', async () => {
    const two = `${BASE.replace('a:one', 'a:one b:two')}[runner:two]\nrunner = shell!true\n`;
    const both: Acks = { of: () => 'done', mayReceive: false };
    const received = 'runner = shell!true\nack = receipt';
    const swapped = two.replace('a:one b:two', 'a:two b:one').replaceAll('runner = shell!true', received);
    expect(await outcome(swapped, both, two)).toEqual({
      mapped: { a: 'one', b: 'one' },
      acks: { one: 'done', two: 'receipt' },
      waiting: [
        'queue a: runner two, whose ack is receipt: takes a restart',
        'runner one: ack: takes a restart',
      ],
    });
    const moved = two.replace('a:one b:two', 'a:two b:two').replaceAll('runner = shell!true', received);
    expect(await outcome(moved, both, two)).toEqual({
      mapped: { a: 'two', b: 'two' },
      acks: { one: 'receipt', two: 'done' },
      waiting: ['runner two: ack: takes a restart'],
    });
    const replaced = `${two.replace('a:one b:two', 'a:three b:three')}[runner:three]\n${received}\n`;
    expect(await outcome(replaced, both, two)).toMatchObject({ mapped: { a: 'one', b: 'two' } });
  });

  it('counts for a queue that is added, too, where its runner has to keep its ack for another', async () => {
    const receives: Acks = { of: (queue) => (queue === 'a' ? 'done' : undefined), mayReceive: true };
    const after = `${BASE.replace('a:one', 'c:one a:two')}ack = receipt\n[runner:two]\nrunner = shell!true\nack = receipt\n`;
    expect(await outcome(after, receives)).toEqual({
      mapped: { c: 'one', a: 'one' },
      acks: { one: 'done', two: 'receipt' },
      waiting: [
        'queue a: runner two, whose ack is receipt: takes a restart',
        'runner one: ack: takes a restart',
      ],
    });
  });

  it('is the first queue with ack = receipt, but not another one', async () => {
    const after = `${BASE.replace('a:one', 'a:one b:two')}[runner:two]\nrunner = shell!true\nack = receipt\n`;
    const first = await apply(after);
    expect(first.waiting).toEqual(['queue b: runner two with ack = receipt: takes a restart']);
    expect([...first.config.mappings.keys(), ...first.config.queues.keys()]).toEqual(['a', 'a']);
    const another = await apply(after, { ...DONE, mayReceive: true });
    expect(another.waiting).toEqual([]);
    expect([...another.config.mappings.keys()]).toEqual(['a', 'b']);
  });
});

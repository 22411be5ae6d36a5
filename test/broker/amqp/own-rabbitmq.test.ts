import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAmqpBroker } from '../../../src/broker/amqp/amqp-broker.ts';
import { inspectAmqp } from '../../../src/broker/amqp/inspect.ts';
import type { AmqpOptions } from '../../../src/broker/amqp/options.ts';
import type { Broker, Publication } from '../../../src/broker/broker.ts';
import { type Certificates, makeCertificates } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { type Rabbitmq, startRabbitmq } from '../../support/rabbitmq.ts';
import { YOUNG_MS } from '../../../src/broker/amqp/topology.ts';
import { type Inbox, openInbox } from '../inbox.ts';
import { amqpOptions, urlParts } from './fixture.ts';

/*
 * What cannot be done to the RabbitMQ that all tests share. This one wants client certificates on its TLS
 * port, closes channels after two seconds without an acknowledgement, takes no message over 100,000 bytes.
 */
const CONSUMER_TIMEOUT_MS = 2000;
const MOST_BYTES = 100_000;

let certificates: Certificates;
let tlsPort: number;
let rabbitmq: Rabbitmq;
let queue: string;
const opened: Broker[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
  tlsPort = await freePort();
  const { ca, serverCert, serverKey } = certificates.paths;
  rabbitmq = await startRabbitmq({
    config: `
      listeners.ssl.1 = 127.0.0.1:${tlsPort}
      ssl_options.cacertfile = ${ca}
      ssl_options.certfile = ${serverCert}
      ssl_options.keyfile = ${serverKey}
      ssl_options.verify = verify_peer
      ssl_options.fail_if_no_peer_cert = true
      consumer_timeout = ${CONSUMER_TIMEOUT_MS}
      max_message_size = ${MOST_BYTES}
    `.replaceAll(/^ +/gm, ''),
    advancedConfig:
      '[{rabbit, [{channel_tick_interval, 300}, {quorum_tick_interval, 200}, {dead_letter_worker_publisher_confirm_timeout, 500}]}].',
  });
}, 120_000);
afterAll(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close(2000)));
  await rabbitmq.stop();
  await certificates.remove();
});
beforeEach(() => {
  queue = `own.${randomUUID()}`;
});

function open(changes: Partial<AmqpOptions> = {}): Broker {
  const broker = createAmqpBroker(amqpOptions(rabbitmq.url, changes));
  opened.push(broker);
  broker.start();
  return broker;
}

function to(routingKey: string, body: string | Buffer = 'x'): Publication {
  return { exchange: '', routingKey, body: Buffer.from(body), properties: { persistent: true } };
}

describe('TLS', () => {
  function tls(changes: Partial<AmqpOptions> = {}): Partial<AmqpOptions> {
    return {
      urls: [urlParts(rabbitmq.url, { protocol: 'amqps', hostname: '127.0.0.1', port: tlsPort })],
      tls: {
        ca: certificates.ca,
        cert: certificates.clientCert,
        key: certificates.clientKey,
        servername: 'localhost',
      },
      ...changes,
    };
  }

  async function refusal(changes: Partial<AmqpOptions>): Promise<string> {
    const { problems } = await inspectAmqp(amqpOptions(rabbitmq.url, tls(changes)));
    expect(problems).toHaveLength(1);
    return problems[0] ?? '';
  }

  test('with the CA, a client certificate and the name in the certificate works', async () => {
    const broker = open(tls());
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    await broker.writable(AbortSignal.timeout(5000));
    expect(await broker.publish(to(queue))).toBe('routed');
    expect(await (await inbox.next()).ack()).toBe('settled');
    await broker.close(2000);
  });

  test('with an unknown CA, another name or no client certificate is refused, saying so', async () => {
    const { ca, clientCert: cert, clientKey: key } = certificates;
    expect(await refusal({ tls: { cert, key, servername: 'localhost' } })).toMatch(
      /TLS with .* failed: .*certificate/,
    );
    expect(await refusal({ tls: { ca, cert, key, servername: 'example.org' } })).toMatch(/example\.org/);
    expect(await refusal({ tls: { ca, servername: 'localhost' } })).toMatch(/TLS with .* failed/);
  });

  test('that is still being opened is closed in time', async () => {
    const broker = open(tls());
    const before = performance.now();
    await broker.close(500);
    expect(performance.now() - before).toBeLessThan(700);
  });
});

test('a message over the largest size is refused, and its neighbour is not', async () => {
  const broker = open();
  await openInbox(broker, queue).consuming();
  await broker.writable(AbortSignal.timeout(5000));
  const [small, large] = await Promise.allSettled([
    broker.publish(to(queue)),
    broker.publish(to(queue, Buffer.alloc(MOST_BYTES + 1))),
  ]);
  expect(large).toMatchObject({ reason: { kind: 'refused', message: expect.stringContaining('size') } });
  if (small.status === 'rejected') expect(small.reason).toMatchObject({ kind: 'uncertain' });
  await broker.writable(AbortSignal.timeout(5000));
  expect(await broker.publish(to(queue))).toBe('routed');
});

test('after the acknowledgement timeout of the broker the delivery is lost and comes again; others are not disturbed', async () => {
  const broker = open();
  const slow = openInbox(broker, queue);
  const quick = openInbox(broker, `${queue}.quick`);
  await Promise.all([slow.consuming(), quick.consuming()]);
  await broker.writable(AbortSignal.timeout(5000));
  const lost: string[] = [];
  broker.events.on('consumer:lost', (event) => lost.push(`${event.queue}: ${event.reason}`));
  await broker.publish(to(queue));
  const stale = await slow.next();
  await eventually(() => stale.isLost, 'the timeout', 3 * CONSUMER_TIMEOUT_MS);
  expect(await stale.ack()).toBe('lost');
  const again = await slow.next();
  expect(again.redelivered).toBe(true);
  expect(await again.ack()).toBe('settled');
  expect(lost).toEqual([expect.stringMatching(/timed? ?out/i)]);
  await broker.publish(to(`${queue}.quick`));
  expect(await (await quick.next()).ack()).toBe('settled');
});

test('a longer acknowledgement timeout is asked for, of job queues alone, and heeded where the version says so', async () => {
  const ackTimeoutMs = 3_600_000;
  const broker = open({
    queues: new Map([[queue, { bind: [], deadLetter: `${queue}.dead`, ackTimeoutMs }]]),
  });
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  await broker.writable(AbortSignal.timeout(5000));
  for (const body of ['dead', 'again']) await broker.publish(to(queue, body));
  await (await inbox.next()).deadLetter({ headers: {} });
  await (await inbox.next()).requeue({ delayMs: 50, headers: {} });
  const stale = await inbox.next();
  const { ackTimeoutSetter: setter } = await inspectAmqp(amqpOptions(rabbitmq.url));
  const lists = await Promise.all([
    rabbitmq.ctl('list_queues', 'name', 'arguments', '--no-table-headers'),
    rabbitmq.ctl('list_consumers', 'queue_name', 'arguments', '--no-table-headers'),
  ]);
  const [queues, consumers] = lists.map((list) =>
    list
      .split('\n')
      .filter((line) => line.startsWith(queue) && line.includes(`"x-consumer-timeout",${ackTimeoutMs}`)),
  );
  expect(queues?.map((line) => line.split('\t')[0])).toEqual(setter === 'consumer' ? [] : [queue]);
  expect(consumers).toHaveLength(1);
  const lateMs = 3 * CONSUMER_TIMEOUT_MS;
  const isHeeded = await eventually(() => stale.isLost, 'the timeout', lateMs).then(
    () => false,
    () => true,
  );
  expect(isHeeded).toBe(setter !== 'broker');
});

test('an alarm of the broker is announced, holds publications back and not acknowledgements, and ends', async () => {
  const broker = open();
  const inbox = openInbox(broker, queue);
  await inbox.consuming();
  await broker.writable(AbortSignal.timeout(5000));
  await broker.publish(to(queue));
  const events: string[] = [];
  broker.events.on('connection:blocked', ({ purpose }) => events.push(`blocked ${purpose}`));
  broker.events.on('connection:unblocked', ({ purpose }) => events.push(`unblocked ${purpose}`));
  await rabbitmq.ctl('set_vm_memory_high_watermark', '0.0000001');
  const late = broker.publish(to(queue, 'late'));
  await eventually(() => events.includes('blocked publish'), 'the alarm');
  expect(broker.publishLoosely(to(queue))).toBe(false);
  const writable = broker.writable(AbortSignal.timeout(20_000));
  const first = await inbox.next();
  expect(await first.ack()).toBe('settled');
  await rabbitmq.ctl('set_vm_memory_high_watermark', '0.4');
  expect(await late).toBe('routed');
  await writable;
  expect(events).toContain('unblocked publish');
}, 30_000);

test.each(['SIGKILL', 'an orderly restart'] as const)(
  'over %s of the broker everything is opened again, and no persistent message is lost',
  async (how) => {
    const broker = open();
    const inbox = openInbox(broker, queue, 1);
    await inbox.consuming();
    await broker.writable(AbortSignal.timeout(5000));
    expect(await broker.publish(to(queue, '1'))).toBe('routed');
    expect(await broker.publish(to(queue, '2'))).toBe('routed');
    const stale = await inbox.next();
    // RabbitMQ writes down that there is a queue a little after it has said so.
    await rabbitmq.ctl('eval', 'mnesia:dump_log(), mnesia:sync_log().');
    if (how === 'SIGKILL') await rabbitmq.kill();
    const restarted = rabbitmq.restart();
    await eventually(() => stale.isLost, 'the loss');
    await restarted;
    // A broker that is just starting may take a connection and drop it again; then they come once more.
    const settled = new Set<string>();
    while (settled.size < 2) {
      const delivery = await inbox.next(20_000);
      if ((await delivery.ack()) === 'settled') settled.add(delivery.message.body.toString());
    }
    expect([...settled].toSorted()).toEqual(['1', '2']);
    await broker.writable(AbortSignal.timeout(10_000));
    expect(await broker.publish(to(queue, '3'))).toBe('routed');
    await broker.close(2000);
  },
  60_000,
);

test.each(['wait', 'dead-letter'])(
  'what was moved into a new quorum queue (%s) is there after a power cut right then',
  { timeout: 60_000 },
  async (kind) => {
    const broker = open({ queueType: 'quorum' });
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    await broker.publish(to(queue));
    const delivery = await inbox.next();
    const move = (): Promise<unknown> =>
      kind === 'wait'
        ? delivery.requeue({ delayMs: 100, headers: {} })
        : delivery.deadLetter({ headers: {} });
    expect(await move()).toBe('settled');
    await rabbitmq.kill();
    await rabbitmq.restart();
    const there = kind === 'wait' ? inbox : openInbox(broker, `${queue}.dead`);
    expect((await there.next(20_000)).message.body.toString()).toBe('x');
  },
);

test.each(['classic', 'quorum'])(
  'a wait queue (%s) outlives each message that is put into it, however old it is, and whatever its arguments',
  { timeout: 30_000 },
  async (queueType) => {
    const name = `${queue}.wait.2500ms${queueType === 'quorum' ? '.quorum' : ''}`;
    const broker = open({ queueType });
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    const connection = await connect(rabbitmq.url);
    const channel = await connection.createChannel();
    const madeAtMs = performance.now();
    await channel.assertQueue(name, {
      arguments: {
        'x-queue-type': queueType,
        'x-message-ttl': 2500,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': queue,
        'x-expires': 6000,
      },
    });
    await connection.close();
    await eventually(() => performance.now() - madeAtMs > 4000, 'two thirds of its life');
    await broker.publish(to(queue));
    expect(await (await inbox.next()).requeue({ delayMs: 2500, headers: { again: true } })).toBe('settled');
    expect((await inbox.next()).message.properties.headers['again']).toBe(true);
  },
);

describe('a classic queue that refuses what is too many', { timeout: 30_000 }, () => {
  const FULL = { 'x-queue-type': 'classic', 'x-max-length': 1, 'x-overflow': 'reject-publish' };

  beforeEach(async () => {
    const connection = await connect(rabbitmq.url);
    await (await connection.createChannel()).assertQueue(queue, { arguments: FULL });
    await connection.close();
  });

  test('gets back what has waited while it was full', async () => {
    const broker = open();
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    await broker.publish(to(queue));
    const delivery = await inbox.next();
    await inbox.consumer.pause();
    expect(await delivery.requeue({ delayMs: 50, headers: {} })).toBe('settled');
    expect(await broker.publish(to(queue, 'another'))).toBe('routed');
    const waiting = `${queue}.wait.50ms.quorum`;
    await eventually(async () => (await broker.count(waiting)) === 0, 'the end of the delay');
    inbox.consumer.resume();
    const another = await inbox.next();
    expect(another.message.body.toString()).toBe('another');
    await another.ack();
    expect((await inbox.next()).message.body.toString()).toBe('x');
  });

  test('has a classic wait queue where no other may be made', async () => {
    await rabbitmq.ctl('add_user', queue, 'secret');
    await rabbitmq.ctl('set_permissions', queue, `^${queue}(\\.wait\\.50ms)?$`, '.*', '.*');
    const broker = open({ urls: [urlParts(rabbitmq.url, { user: queue, password: 'secret' })] });
    const inbox = openInbox(broker, queue);
    await inbox.consuming();
    await broker.writable(AbortSignal.timeout(5000));
    await broker.publish(to(queue));
    expect(await (await inbox.next()).requeue({ delayMs: 50, headers: {} })).toBe('settled');
    expect((await inbox.next()).message.body.toString()).toBe('x');
    expect(await broker.count(`${queue}.wait.50ms.quorum`)).toBeUndefined();
  });
});

test('what is sent to a quorum queue that was just prepared is there after a power cut right then', async () => {
  const broker = open({ queueType: 'quorum' });
  expect(await broker.prepare(queue)).toBe(true);
  await broker.writable();
  expect(await broker.publish(to(queue))).toBe('routed');
  await rabbitmq.kill();
  await rabbitmq.restart();
  expect((await openInbox(broker, queue).next(20_000)).message.body.toString()).toBe('x');
}, 60_000);

describe('a quorum queue without a leader', { timeout: 60_000 }, () => {
  const AT_ONCE_MS = 1500;

  /** As a power cut right after its declaration leaves it: a message to it holds up its channel for a minute. */
  async function behead(name: string): Promise<void> {
    const answer = await rabbitmq.ctl(
      'eval',
      `Id = {list_to_atom("%2F_${name}"), node()},
       Folder = ra_env:server_data_dir(quorum_queues, ra_directory:uid_of(quorum_queues, element(1, Id))),
       {ok, Config} = ra_log:read_config(Folder),
       ok = ra:force_delete_server(quorum_queues, Id),
       ra:start_server(quorum_queues, Config#{uid => ra:new_uid(<<"anew">>)}).`,
    );
    expect(answer.trim()).toBe('ok');
  }

  test('is not waited in any longer, and holds up nothing that goes elsewhere', async () => {
    const [ill, well] = [`${queue}.ill`, `${queue}.well`];
    const before = open({ queueType: 'quorum' });
    const boxes = [openInbox(before, ill), openInbox(before, well)];
    await Promise.all(boxes.map((box) => box.consuming()));
    for (const name of [ill, ill, well]) await before.publish(to(name));
    const putBack = async (box: Inbox): Promise<unknown> =>
      (await box.next()).requeue({ delayMs: 50, headers: {} });
    expect(await Promise.all(boxes.map(putBack))).toEqual(['settled', 'settled']);
    // A channel that knows the queue would only wait for its leader.
    await before.close(5000);
    await behead(`${ill}.wait.50ms.quorum`);

    const broker = open({ queueType: 'quorum' });
    const stuck: string[] = [];
    broker.events.on('queue:stuck', (facts) => stuck.push(facts.queue));
    const [illBox, wellBox] = [openInbox(broker, ill), openInbox(broker, well)];
    const lost = putBack(illBox).catch(() => {});
    for (const _ of [1, 2]) expect(await timed(putBack(wellBox))).toBeLessThan(AT_ONCE_MS);
    expect(await timed(broker.publish(to(well)))).toBeLessThan(AT_ONCE_MS);
    await eventually(() => stuck.length > 0, 'the stuck queue being told');
    expect(stuck).toEqual([`${ill}.wait.50ms.quorum`]);
    const second = await illBox.next();
    expect(await timed(second.requeue({ delayMs: 50, headers: {} }))).toBeLessThan(AT_ONCE_MS + YOUNG_MS);
    expect((await illBox.next()).message.body.toString()).toBe('x');
    await broker.close(500);
    await lost;
  });
});

async function timed(work: Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work;
  return performance.now() - from;
}

import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { createAmqpBroker } from '../../../src/broker/amqp/amqp-broker.ts';
import { connectErrorText } from '../../../src/broker/amqp/connect-error.ts';
import { inspectAmqp } from '../../../src/broker/amqp/inspect.ts';
import type { AmqpUrl } from '../../../src/broker/amqp/options.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort, listeningPort } from '../../support/free-port.ts';
import { amqpOptions, urlParts } from './fixture.ts';

const opened: Broker[] = [];
afterEach(() => Promise.all(opened.splice(0).map((broker) => broker.close(2000))));

async function firstLoss(changes: Partial<AmqpUrl>, connectTimeoutMs = 5000): Promise<string> {
  const url = urlParts(await amqpUrl(), changes);
  const broker = createAmqpBroker(amqpOptions(url, { connectTimeoutMs }));
  opened.push(broker);
  const reasons: string[] = [];
  broker.events.on('connection:lost', ({ reason }) => reasons.push(reason));
  broker.start();
  return eventually(() => reasons[0], 'the loss');
}

test('a refused login names the user and never the password', async () => {
  const reason = await firstLoss({ user: 'nobody', password: 's3cret/pass' });
  expect(reason).toMatch(/refuses the login of user nobody: wrong name or password/);
  expect(reason).not.toContain('s3cret');
});

test('a virtual host that is not there is named', async () => {
  expect(await firstLoss({ vhost: 'no/where' })).toMatch(
    /does not let user guest into virtual host no\/where/,
  );
});

test('a port on which nobody listens is named', async () => {
  const port = await freePort();
  expect(await firstLoss({ hostname: '127.0.0.1', port })).toBe(
    `nobody listens at amqp://127.0.0.1:${port}: is RabbitMQ running there?`,
  );
});

test('TLS to a port without TLS says so', async () => {
  expect(await firstLoss({ protocol: 'amqps' })).toMatch(/does not speak TLS/);
});

test('a server that says nothing is given up after the connect timeout', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const before = performance.now();
  expect(await firstLoss({ hostname: '127.0.0.1', port: listeningPort(silent) }, 300)).toMatch(
    /no answer from/,
  );
  expect(performance.now() - before).toBeLessThan(1500);
  silent.close();
});

test('a server that is not RabbitMQ says so', async () => {
  const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  await once(web, 'listening');
  expect(await firstLoss({ hostname: '127.0.0.1', port: listeningPort(web) })).toContain(
    `amqp://127.0.0.1:${listeningPort(web)}`,
  );
  web.close();
});

test('whatever the error says, the password is not in its text', () => {
  const url = urlParts('amqp://me:hunter2@host');
  expect(connectErrorText(new Error('strange: hunter2'), url)).toBe('amqp://host:5672: strange: ***');
});

test('an inspection of a broker that cannot be used says why for each URL, and nothing of queues', async () => {
  const given = urlParts(await amqpUrl());
  const port = await freePort();
  const urls = [
    { ...given, port },
    { ...given, user: 'nobody', password: 's3cret' },
  ];
  const queues = new Map([['q', { bind: [], deadLetter: 'q.dead' }]]);
  expect(await inspectAmqp({ ...amqpOptions(given), urls, queues })).toEqual({
    problems: [expect.stringContaining('nobody listens'), expect.stringContaining('refuses the login')],
    queues: [],
  });
});

import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { awayDelayMs, isNobodyThere } from '../../../src/broker/amqp/away.ts';
import { openConnection } from '../../../src/broker/amqp/connection.ts';
import { freePort, listeningPort } from '../../support/free-port.ts';
import { amqpOptions, urlParts } from './fixture.ts';

const MINUTE_MS = 60_000;

test.each([
  ['at first', 0, 200, 400],
  ['after a minute', MINUTE_MS, 250, 500],
  ['after five minutes', 5 * MINUTE_MS, 1250, 2500],
  ['after an hour', 60 * MINUTE_MS, 2500, 5000],
])(
  'a broker that is away is tried again soon, and never in step: %s',
  (_when, awayForMs, leastMs, mostMs) => {
    const delays = Array.from({ length: 200 }, () => awayDelayMs(awayForMs, 30_000));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(leastMs);
    expect(Math.max(...delays)).toBeLessThanOrEqual(mostMs);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan((mostMs - leastMs) / 2);
  },
);

test('no wait is longer than the longest that is allowed', () => {
  expect(awayDelayMs(60 * MINUTE_MS, 100)).toBeLessThanOrEqual(100);
});

async function failure(port: number, connectTimeoutMs = 5000, hostname = '127.0.0.1'): Promise<unknown> {
  const url = urlParts(`amqp://127.0.0.1:${port}`, { hostname });
  const error: unknown = await openConnection(amqpOptions(url, { connectTimeoutMs }), url, 'test').catch(
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.cause : undefined;
}

test.each(['127.0.0.1', 'localhost'])('where nobody listens at %s, nobody is there', async (hostname) => {
  expect(isNobodyThere(await failure(await freePort(), 5000, hostname))).toBe(true);
});

test.each([
  ['hangs up at once', true],
  ['says nothing', false],
  ['speaks another language', false],
])('somebody who %s: nobody is there? %s', async (what, expected) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (what === 'hangs up at once') socket.resetAndDestroy();
    if (what === 'speaks another language') socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  expect(isNobodyThere(await failure(listeningPort(server), 300))).toBe(expected);
  server.close();
});

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { listeningPort } from './free-port.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let proxy: TcpProxy;
let client: Socket;
let served: Socket;
let heard: { client: string; server: string };
let closeServer: () => void;

beforeEach(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  closeServer = () => server.close();
  await once(server, 'listening');
  proxy = await startTcpProxy({ port: listeningPort(server) });
  const taken = once(server, 'connection');
  client = connect(proxy.port, '127.0.0.1');
  [served] = await taken;
  heard = { client: '', server: '' };
  client.on('error', () => {}).on('data', (chunk) => (heard.client += chunk.toString()));
  served.on('error', () => {}).on('data', (chunk) => (heard.server += chunk.toString()));
});
afterEach(async () => {
  client.destroy();
  served.destroy();
  await proxy.close();
  closeServer();
});

test('a half-open connection loses what goes one way and carries what goes the other', async () => {
  proxy.halfOpen('up');
  client.write('lost');
  served.write('down');
  await eventually(() => heard.client === 'down', 'what goes down');
  expect(heard.server).toBe('');
  proxy.halfOpen('down');
  served.write('lost');
  client.write('up');
  await eventually(() => heard.server === 'up', 'what goes up');
  expect(heard.client).toBe('down');
});

test('a half-open connection hides the end of its deaf side, and is reset when it is mended', async () => {
  proxy.halfOpen('down');
  served.destroy();
  client.write('still there');
  await eventually(() => proxy.connections === 1 && client.bytesWritten > 0, 'the word');
  expect(client.destroyed).toBe(false);
  proxy.resume();
  await eventually(() => client.destroyed, 'the reset');
});

test('what was held back comes in its order when the delay ends', async () => {
  const words = Array.from({ length: 200 }, (_, number) => `${number} `);
  for (const [index, word] of words.entries()) {
    proxy.delay(index % 7 === 0 ? 0 : 20 - (index % 20));
    client.write(word);
    await new Promise(setImmediate);
  }
  proxy.delay(0);
  client.write('end');
  await eventually(() => heard.server.endsWith('end'), 'the end');
  expect(heard.server).toBe(`${words.join('')}end`);
});

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Rabbitmq, startRabbitmq } from './rabbitmq.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of a unix socket. Connecting to it starts the RabbitMQ that tests share, and it answers with JSON: `{url}` or `{error}`. */
    amqpUrlSocket: string;
  }
}

/**
 * Provides the RabbitMQ that all tests share: `RBIT_TEST_AMQP_URL` if that is set, else a private one, which
 * starts when the first test asks for it (`amqpUrl()`), so that a run without such a test does not wait for it.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'rbit-ts-tests-'));
  const socketPath = join(folder, 'amqp-url.sock');
  const clients = new Set<Socket>();
  let shared: Promise<Rabbitmq> | undefined;

  async function url(): Promise<string> {
    const given = process.env['RBIT_TEST_AMQP_URL'];
    if (given !== undefined && given !== '') return given;
    shared ??= startRabbitmq();
    return (await shared).url;
  }

  const server = createServer((client) => {
    clients.add(client);
    client.on('error', () => {}).on('close', () => clients.delete(client));
    url().then(
      (found) => client.end(JSON.stringify({ url: found })),
      (error: unknown) => client.end(JSON.stringify({ error: String(error) })),
    );
  });
  await once(server.listen(socketPath), 'listening');
  project.provide('amqpUrlSocket', socketPath);

  return async function teardown() {
    server.close();
    for (const client of clients) client.destroy();
    const rabbitmq = await shared?.catch(() => undefined);
    await rabbitmq?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeEach, expect } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import type { Runner } from '../../src/job/runner.ts';
import { runOnce, shippedRunner } from './run-once.ts';

export interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What was asked since the test began. */
export const seen: Seen[] = [];
const servers: Server[] = [];

/** A server on loopback that notes what it is asked; resolves with its origin. */
export async function serve(answer: RequestListener, make = createServer): Promise<URL> {
  const server = make((request, response) => {
    const { method, url, headers } = request;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      answer(request, response);
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => seen.splice(0));

/** `/404` answers 404, and so on; what else a path does stands here. */
export const answerPath: RequestListener = ({ url = '' }, response) => {
  const [, status = '200', ...rest] = url.replace(/\?.*/, '').split('/');
  if (status === 'silent') return;
  if (status === 'hangup') return void response.destroy();
  if (status === 'endless') return void endless().pipe(response);
  if (status === 'large') return void response.end('é'.repeat(1_000_000));
  if (status === 'to') return void response.writeHead(Number(rest[0]), { location: to(rest) }).end();
  if (status === 'circle') return void response.writeHead(302, { location: '/circle' }).end();
  if (status === 'retry') {
    return void response.writeHead(Number(rest[0]), { 'retry-after': to(rest) }).end();
  }
  response.writeHead(Number(status), { 'content-type': 'text/plain' }).end(`it is ${status}`);
};

function endless(): Readable {
  return new Readable({
    read() {
      this.push('x'.repeat(16_384));
    },
  });
}

function to(rest: readonly string[]): string {
  return decodeURIComponent(rest[1] ?? '');
}

/** The runner of a section with these keys. */
export async function start(settings: Readonly<Record<string, string>>): Promise<Runner> {
  const made = shippedRunner('module!runners/http-request.ts', settings);
  await made.start();
  return made;
}

/** Runs a job that gets a URL; one that is a path is on `origin`. */
export async function ask(
  origin: URL,
  runner: Runner,
  parameters: Readonly<Record<string, unknown>>,
): Promise<{ outcome: Outcome; lines: readonly string[] }> {
  const { url = '/200', ...others } = parameters;
  const absolute = typeof url === 'string' && url.startsWith('/') ? `${origin.origin}${url}` : url;
  return runOnce(runner, { parameters: { subcommand: 'Get', ...others, url: absolute } });
}

/** An outcome that is not tried again, and one that may be. */
export const final = (message: string | RegExp) => ({
  kind: 'failed',
  retryable: false,
  message: expect.stringMatching(message),
});
export const retryable = (message: string | RegExp) => ({ ...final(message), retryable: true });

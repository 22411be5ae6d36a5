import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Failed } from 'rbit-ts';
import { allowUrl } from './allowed-hosts.ts';
import { type Request, readUrl } from './request.ts';
import { readNamedFile, readNumber, type Settings } from './settings.ts';

/** What a server said; `body`: as much of it as the settings have room for. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 5;

/** Sends a request, and those that it is redirected to. Throws Failed for what the list of hosts does not allow, Blocked for settings that are wrong. */
export async function follow(request: Request, settings: Settings, signal: AbortSignal): Promise<Answer> {
  let current = request;
  for (let hops = 0; ; hops++) {
    const answer = await exchange(current, settings, signal);
    const { location } = answer.headers;
    const isDone = request.codes.includes(answer.status) || !REDIRECTS.includes(answer.status);
    if (isDone || location === undefined) return answer;
    if (hops === MOST_REDIRECTS) throw new Failed(`redirected more than ${MOST_REDIRECTS} times`);
    current = redirect(current, answer.status, readUrl(location, current.url));
  }
}

/** The request that a browser would send then, except that no other origin gets what the job has to say. */
function redirect(request: Request, status: number, url: URL): Request {
  const becomesGet = status === 303 || (request.method === 'POST' && status <= 302);
  const method = becomesGet && request.method !== 'HEAD' ? 'GET' : request.method;
  const isSafe = method === 'GET' || method === 'HEAD';
  if (url.origin === request.url.origin) {
    const { 'content-type': _type, ...headers } = request.headers;
    return isSafe ? { ...request, url, method, headers, content: undefined } : { ...request, url };
  }
  if (!isSafe) throw new Failed(`redirected to ${url.host}: no other host gets the content`);
  return { ...request, url, method, headers: {}, content: undefined };
}

async function exchange(request: Request, settings: Settings, signal: AbortSignal): Promise<Answer> {
  const { method, url, headers, content } = request;
  const allowed = allowUrl(url, settings);
  const limit = readNumber(settings, 'response-limit', 65_536);
  const ca = await readNamedFile(settings, 'ca-file');
  const answered = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const sent = send(url, {
    method,
    headers: { accept: '*/*', 'user-agent': 'rbit-ts', ...headers },
    agent: false,
    signal,
    ...allowed,
    ...(ca === undefined ? {} : { ca }),
  });
  sent.on('error', answered.reject).on('response', answered.resolve).end(content);
  const incoming = await answered.promise;
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: await readUpTo(limit, incoming),
  };
}

async function readUpTo(limit: number, incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

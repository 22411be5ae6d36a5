import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, inWords, type Routes } from './routes.ts';

/** No action takes more than a few names. */
const LONGEST_BODY = 4 * 1024;

/** Whatever is answered may be opened in a browser: nothing of it is a page unless its route says so. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/** Answers one request; never rejects. `onBug` hears of a route that threw. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  onBug: (where: string, error: unknown) => void,
): Promise<void> {
  const [path = '', query] = (request.url ?? '').split('?', 2);
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  // What is sent along with a request is mostly nobody's business here, and not waited for.
  const hasBody = ['content-length', 'transfer-encoding'].some((name) => name in request.headers);
  if (hasBody) response.setHeader('Connection', 'close');
  try {
    const answer = await answerTo(request, path, new URLSearchParams(query), routes);
    if (answer === undefined) return void response.destroy();
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    response.statusCode = answer.status;
    response.setHeader('Content-Type', answer.contentType);
    response.setHeader('Content-Length', Buffer.byteLength(answer.body));
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  } catch (error) {
    onBug(`answering ${path}`, error);
    response.statusCode = 500;
    response.end();
  }
}

/** Undefined: whoever asked has gone. */
async function answerTo(
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
  { get, post }: Routes,
): Promise<Answer | undefined> {
  const { method, headers } = request;
  const [reading, acting] = [get.get(path), post.get(path)];
  if (reading === undefined && acting === undefined) return inWords(404, 'there is nothing here');
  if (method === 'POST' && acting !== undefined) {
    const body = await readBody(request);
    if (body === 'broken') return undefined;
    return body === 'too long'
      ? inWords(413, `no more than ${LONGEST_BODY} bytes`)
      : acting({ query, headers, body: body.text });
  }
  if ((method === 'GET' || method === 'HEAD') && reading !== undefined)
    return reading({ query, headers, body: '' });
  const allowed = reading === undefined ? 'POST' : 'GET, HEAD';
  return { ...inWords(405, `only ${allowed.replace(', ', ' and ')}`), headers: { Allow: allowed } };
}

async function readBody(request: IncomingMessage): Promise<{ text: string } | 'too long' | 'broken'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      // No encoding was set.
      const data = chunk as Buffer;
      bytes += data.length;
      if (bytes > LONGEST_BODY) return 'too long';
      chunks.push(data);
    }
    return { text: Buffer.concat(chunks).toString() };
  } catch {
    return 'broken';
  }
}

import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { makeContext, makeJob } from '../processors/harness.ts';
import { eventually } from '../support/eventually.ts';
import { answerPath, ask as askAt, final, retryable, seen, serve, start } from './http-servers.ts';

const origin = await serve(answerPath);
const usual = await start({ allow: `127.0.0.1:${origin.port}` });

function ask(parameters: Readonly<Record<string, unknown>>, runner = usual) {
  return askAt(origin, runner, parameters);
}

describe('the steps of a playbook', () => {
  it.each(['Get', 'Delete'])('httprequest:%s expects 200, and says so as ever', async (subcommand) => {
    expect(await ask({ subcommand })).toStrictEqual({
      outcome: { kind: 'completed', data: 'URL returned 200 as expected.' },
      lines: [`${subcommand.toUpperCase()} ${origin.origin}/200 answered 200`],
    });
    expect(seen).toMatchObject([{ method: subcommand.toUpperCase(), url: '/200', body: '' }]);
  });

  it.each(['Put', 'Post', 'Patch'])('httprequest:%s sends its content', async (subcommand) => {
    const { outcome } = await ask({
      subcommand,
      url: '/201',
      code: 201,
      contenttype: 'application/json',
      content: '{"é": 1}',
    });
    expect(outcome).toMatchObject({ kind: 'completed' });
    expect(seen).toMatchObject([{ body: '{"é": 1}', headers: { 'content-type': 'application/json' } }]);
    expect(seen[0]?.headers).toMatchObject({ 'content-length': '9' });
  });

  it('content in base64 is sent decoded', async () => {
    const content = Buffer.from('plain').toString('base64');
    await ask({ subcommand: 'Put', contenttype: 'text/plain', content, b64encoded: true });
    expect(seen).toMatchObject([{ body: 'plain' }]);
  });

  it('a status that was not expected fails the job for good', async () => {
    const { outcome, lines } = await ask({ url: '/404?token=x', code: ['200', 201] });
    expect(outcome).toStrictEqual({
      kind: 'failed',
      message: 'expected status 200 or 201 but got 404',
      retryable: false,
    });
    expect(lines, 'what a query holds is not printed').toStrictEqual([
      `GET ${origin.origin}/404 answered 404`,
    ]);
  });

  it('an expected status completes, whatever it is', async () => {
    for (const code of [404, '410', 500, 503]) {
      expect((await ask({ url: `/${code}`, code })).outcome).toMatchObject({ kind: 'completed' });
    }
  });
});

describe('what else a job can say', () => {
  it('a method instead of a subcommand, and headers', async () => {
    const parameters = {
      subcommand: undefined,
      method: 'head',
      headers: { 'X-Release': '7', Accept: 'a/b' },
    };
    expect((await ask(parameters)).outcome).toMatchObject({ kind: 'completed' });
    expect(seen).toMatchObject([{ method: 'HEAD', headers: { 'x-release': '7', accept: 'a/b' } }]);
  });

  it('content that is no text goes as JSON', async () => {
    await ask({ subcommand: 'Post', content: { a: 1 } });
    expect(seen).toMatchObject([{ body: '{"a":1}', headers: { 'content-type': 'application/json' } }]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no method', { subcommand: 'Frob' }, /^no method: subcommand is one of GET /],
    ['no URL', { url: 7 }, /^parameters\.url is no URL/],
    ['half a URL', { url: 'example.com/x' }, /^parameters\.url is no URL/],
    ['a file', { url: 'file:///etc/passwd' }, /^parameters\.url begins with file:/],
    ['another protocol', { url: 'ftp://127.0.0.1/x' }, /begins with ftp:/],
    ['a user name in the URL', { url: 'http://127.0.0.1@127.0.0.1/' }, /has a user name/],
    ['no status', { code: 'ok' }, /^parameters\.code/],
    ['no statuses', { code: [] }, /^parameters\.code/],
    ['no headers', { headers: 'x' }, /^parameters\.headers/],
    ['a header with a line end', { headers: { a: 'b\r\nc: d' } }, /^parameters\.headers: Invalid char/],
    ['a header that is no name', { headers: { 'a b': 'c' } }, /^parameters\.headers: Header name/],
    [
      'a content type with a line end',
      { subcommand: 'Put', content: 'x', contenttype: 'a\nb: c' },
      /Invalid/,
    ],
    ['another host on the server', { headers: { HOST: 'x' } }, /HOST is not for a job to say/],
    ['another end of the content', { headers: { 'Transfer-Encoding': 'x' } }, /not for a job/],
    ['no time', { timeout: 'soon' }, /^parameters\.timeout/],
  ])('%s: the job fails, and nothing is sent', async (_, parameters, message) => {
    expect((await ask(parameters)).outcome).toMatchObject(final(message));
    expect(seen).toStrictEqual([]);
  });
});

describe('a server in trouble', () => {
  it.each([429, 503])('%i with a Retry-After blocks the job for so long', async (status) => {
    expect((await ask({ url: `/retry/${status}/120` })).outcome).toStrictEqual({
      kind: 'blocked',
      reason: `the server answered ${status}`,
      delayMs: 120_000,
    });
  });

  it('a Retry-After may be a date, or longer than a day', async () => {
    const date = encodeURIComponent(new Date(Date.now() + 600_000).toUTCString());
    const { outcome } = await ask({ url: `/retry/503/${date}` });
    const { delayMs = 0 } = outcome as { delayMs?: number };
    expect(delayMs).toBeGreaterThan(500_000);
    expect(delayMs).toBeLessThanOrEqual(600_000);
    expect((await ask({ url: `/retry/503/${'9'.repeat(400)}` })).outcome).toMatchObject({
      delayMs: 86_400_000,
    });
  });

  it('a Retry-After counts only where the answer is not what the job expects', async () => {
    expect((await ask({ url: '/retry/503/120', code: 503 })).outcome.kind).toBe('completed');
    expect((await ask({ url: '/retry/404/120' })).outcome.kind).toBe('failed');
  });

  it('a 5xx may be tried again, a 429 that names no time may not', async () => {
    expect((await ask({ url: '/503' })).outcome).toMatchObject(
      retryable('^expected status 200 but got 503$'),
    );
    expect((await ask({ url: '/429' })).outcome).toMatchObject(final('got 429'));
    expect((await ask({ url: '/retry/503/soon' })).outcome).toMatchObject(retryable('got 503'));
  });

  it('no answer may be tried again', async () => {
    const port = await closedPort();
    const by = await start({ allow: 'localhost:* nowhere.invalid' });
    for (const url of [
      `http://localhost:${port}/`,
      'http://nowhere.invalid/',
      `http://localhost:${origin.port}/hangup`,
    ]) {
      expect((await ask({ url }, by)).outcome, url).toMatchObject(retryable(/^no answer from .+ \(.+\)$/));
    }
  });

  it('a silent one has the time that the job gives it, at most what the setting says', async () => {
    const { outcome } = await ask({ url: '/silent', timeout: 0.1 });
    expect(outcome).toMatchObject(retryable(/^no answer from \S+ within 0\.1 s$/));
    const by = await start({ allow: '127.0.0.1:*', 'request-timeout': '0.2' });
    const patient = await ask({ url: '/silent', timeout: 3600 }, by);
    expect(patient.outcome).toMatchObject(retryable('within 0.2 s'));
  });

  it.each([
    { 'request-timeout': '30s' },
    { 'response-limit': '-1' },
    { 'ca-file': '/no/such/file' },
    { authorization: 'Bearer a\nb' },
  ])('is not asked as long as there is a mistake in the section: %j blocks', async (settings) => {
    const { outcome } = await ask({ url: '/200' }, await start({ allow: '127.0.0.1:*', ...settings }));
    const [name] = Object.keys(settings);
    expect(outcome).toMatchObject({
      kind: 'blocked',
      reason: expect.stringContaining(`the setting ${name}`),
    });
    expect(seen).toStrictEqual([]);
  });

  it('is let go of as soon as the job has to end', async () => {
    const context = makeContext();
    const parameters = { subcommand: 'Get', url: `${origin.origin}/silent` };
    const running = usual.run(makeJob({ parameters }), context);
    await eventually(() => seen.length > 0, 'the request');
    context.abort();
    expect((await running).kind).not.toBe('completed');
  });
});

describe('the answer', () => {
  it('is in the reply for those who ask for it, with a bound', async () => {
    const by = await start({ allow: '127.0.0.1:*', response: 'yes', 'response-limit': '1000' });
    expect((await ask({}, by)).outcome).toStrictEqual({
      kind: 'completed',
      data: { status: 200, type: 'text/plain', body: 'it is 200' },
    });
    expect((await ask({ url: '/large' }, by)).outcome).toStrictEqual({
      kind: 'completed',
      data: { status: 200, type: '', body: 'é'.repeat(500) },
    });
  });

  it('is read no further than there is room for it', async () => {
    expect((await ask({ url: '/endless' })).outcome).toMatchObject({ kind: 'completed' });
  });

  it('that is no HTTP is a failure that may be tried again', async () => {
    const server = createTcpServer((socket) => socket.end('what?\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const by = await start({ allow: '127.0.0.1:*' });
    const { port } = server.address() as AddressInfo;
    expect((await ask({ url: `http://127.0.0.1:${port}/` }, by)).outcome).toMatchObject(retryable('Parse'));
    server.close();
  });
});

async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import { readFileSync } from 'node:fs';
import type { createServer, RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { answerPath, ask as askAt, final, retryable, seen, serve, start } from './http-servers.ts';

const origin = await serve(answerPath);
const other = await serve(answerPath);
const usual = await start({
  allow: `127.0.0.1:${origin.port} 127.0.0.1:${other.port} localhost:${origin.port}`,
});

function ask(parameters: Readonly<Record<string, unknown>>, runner = usual) {
  return askAt(origin, runner, parameters);
}

describe('the host is on the list, or nothing is sent', () => {
  it.each([
    ['another port', 'http://127.0.0.1:1/', /^127\.0\.0\.1:1 is not on the list/],
    ['another host', 'http://example.com/', /^example\.com is not on the list/],
    ['the host as the beginning of another', 'http://localhost.invalid:PORT/', /not on the list/],
    ['the host as the end of another', 'http://x.localhost:PORT/', /not on the list/],
    ['the host written in another way', 'http://0x7f.1:9/', /^127\.0\.0\.1:9 is not on the list/],
  ])('%s', async (_, written, message) => {
    const url = written.replace('PORT', origin.port);
    expect((await ask({ url })).outcome).toMatchObject(final(message));
  });

  it('without a list jobs wait for one', async () => {
    const { outcome } = await ask({}, await start({}));
    expect(outcome).toMatchObject({ kind: 'blocked', reason: expect.stringContaining('a setting allow') });
    expect(seen).toStrictEqual([]);
  });

  it('a host that is named may be this machine, by name or address', async () => {
    expect((await ask({ url: `http://LOCALHOST:${origin.port}/200` })).outcome.kind).toBe('completed');
    expect((await ask({}, await start({ allow: '127.0.0.1:*' }))).outcome.kind).toBe('completed');
  });

  it.each(['*:*', '*host:*', 'local*:*'])('a name that %s lets in may not lead here', async (allow) => {
    const url = `http://localhost:${origin.port}/200`;
    const { outcome } = await ask({ url }, await start({ allow }));
    expect(outcome).toMatchObject(final(/^(::1|127\.0\.0\.1) is no address for a host that a \* let in/));
    expect(seen).toStrictEqual([]);
  });

  it('nor may an address, however it is written', async () => {
    const by = await start({ allow: '*:*' });
    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0',
      '[64:ff9b::7f00:1]',
    ]) {
      const { outcome } = await ask({ url: `http://${host}:${origin.port}/200` }, by);
      expect(outcome, host).toMatchObject(final('is no address'));
    }
    for (const host of ['169.254.169.254', '[fe80::1]', '[::]', '255.255.255.255']) {
      expect((await ask({ url: `http://${host}/` }, by)).outcome, host).toMatchObject(final('is no address'));
    }
    for (const host of ['10.0.0.1', '192.168.1.1', '172.31.0.1', '[fd00::1]', '[::ffff:10.0.0.1]']) {
      const { outcome } = await ask({ url: `http://${host}/` }, by);
      expect(outcome, host).toMatchObject(final('is a private address'));
    }
    expect(seen).toStrictEqual([]);
  });
});

describe('redirects', () => {
  const redirect = (status: number, target: string) => `/to/${status}/${encodeURIComponent(target)}`;

  it('are followed within the list, and do with the method what a browser does', async () => {
    expect((await ask({ url: redirect(302, '/200') })).outcome.kind).toBe('completed');
    await ask({ subcommand: 'Post', content: 'x', url: redirect(303, '/200') });
    await ask({ subcommand: 'Put', content: 'x', url: redirect(307, '/200') });
    expect(seen.filter(({ url }) => url === '/200')).toMatchObject([
      { method: 'GET', body: '' },
      { method: 'GET', body: '' },
      { method: 'PUT', body: 'x' },
    ]);
  });

  it('are not followed when they are what the job expects', async () => {
    const { outcome } = await ask({ url: redirect(301, 'http://elsewhere.example/'), code: 301 });
    expect(outcome).toMatchObject({ kind: 'completed' });
    expect(seen).toHaveLength(1);
  });

  it('to another origin carry none of the job’s headers, and no credentials', async () => {
    const by = await start({
      allow: `127.0.0.1:${origin.port} 127.0.0.1:${other.port}`,
      authorization: 'Bearer t0ken',
    });
    const headers = { 'X-Api-Key': 'k', Cookie: 'c=1' };
    const { outcome } = await ask({ headers, url: redirect(307, `${other.origin}/200`) }, by);
    expect(outcome.kind).toBe('completed');
    const [first, second] = seen;
    expect(first?.headers).toMatchObject({ authorization: 'Bearer t0ken', 'x-api-key': 'k', cookie: 'c=1' });
    expect(Object.keys(second?.headers ?? {}).sort()).toStrictEqual([
      'accept',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  it('to another origin carry no content: the job fails', async () => {
    const { outcome } = await ask({
      subcommand: 'Put',
      content: 'x',
      url: redirect(308, `${other.origin}/`),
    });
    expect(outcome).toMatchObject(final('no other host gets the content'));
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['off the list', 'http://elsewhere.example/', /^elsewhere\.example is not on the list/],
    ['to a file', 'file:///etc/passwd', /^what the server redirects to begins with file:/],
    ['to a URL with a user name', 'http://a:b@127.0.0.1/', /has a user name/],
    ['to nothing', 'http://', /is no URL/],
  ])('%s are not followed: the job fails', async (_, target, message) => {
    expect((await ask({ url: redirect(302, target) })).outcome).toMatchObject(final(message));
    expect(seen).toHaveLength(1);
  });

  it('in a circle come to an end', async () => {
    expect((await ask({ url: '/circle' })).outcome).toMatchObject(final('more than 5 times'));
    expect(seen).toHaveLength(6);
  });
});

describe('TLS', () => {
  let certificates: Certificates;
  let secure: string;
  beforeAll(async () => {
    certificates = await makeCertificates();
    const { serverCert, serverKey } = certificates.paths;
    const tls = { cert: readFileSync(serverCert), key: readFileSync(serverKey) };
    const url = await serve(answerPath, ((listener: RequestListener) =>
      createTlsServer(tls, listener)) as unknown as typeof createServer);
    secure = `https://localhost:${url.port}/200`;
  });
  afterAll(() => certificates.remove());

  it('a server with a certificate of ca-file is spoken to', async () => {
    const by = await start({ allow: 'localhost:*', 'ca-file': certificates.paths.ca });
    expect((await ask({ url: secure }, by)).outcome.kind).toBe('completed');
  });

  it('a server that nobody vouches for is not', async () => {
    const by = await start({ allow: 'localhost:*' });
    expect((await ask({ url: secure }, by)).outcome).toMatchObject(retryable('certificate'));
    expect(seen).toStrictEqual([]);
  });
});

import { request } from 'node:http';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { KeptJob, Operations, Said } from '../../src/http/actions.ts';
import { createHttpService } from '../../src/http/http-service.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { failed } from '../../src/job/outcome.ts';
import type { DaemonStatus } from '../../src/job/status.ts';

const TOKEN = 'a-token-for-the-page';
const KEPT_AT = '2026-01-01T00:00:00.000Z';
const STATUS: DaemonStatus = {
  daemon: { pid: 1, version: '1.2.3', since: KEPT_AT, state: 'running', files: ['/etc/rbit.ini'] },
  queues: [],
  jobs: [],
};

let events: EventEmitter<WorkEvents>;
let done: string[];
let asked: number;
let retried: PromiseWithResolvers<Said>;

beforeEach(() => {
  events = new EventEmitter();
  done = [];
  asked = 0;
  retried = Promise.withResolvers();
});

async function serve({ token }: { token: string | undefined } = { token: TOKEN }): Promise<URL> {
  const note = (what: string): Said => {
    done.push(what);
    return { done: true, says: what };
  };
  const operations: Operations = {
    pause: async (queue) => note(`pause ${queue}`),
    resume: async (queue) => note(`resume ${queue}`),
    cancel: ({ run }) => note(`cancel ${run}`),
    retry: (job: KeptJob) => {
      note(`retry ${job.id} ${job.keptAt}`);
      return retried.promise;
    },
  };
  const listening = Promise.withResolvers<string>();
  const service = createHttpService({
    listen: { host: '127.0.0.1', port: 0 },
    version: '1.2.3',
    name: 'build-07',
    token,
    events,
    operations,
    queues: () => [],
    readStatus: async () => {
      asked += 1;
      return STATUS;
    },
    concurrencyOf: () => 1,
    mask: (text) => text,
    onListening: listening.resolve,
    onRefused: listening.reject,
    onBug: (where, error) => done.push(`bug ${where} ${String(error)}`),
  });
  service.start();
  onTestFinished(() => service.close());
  return new URL(await listening.promise);
}

interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** As any client might, also with headers that `fetch` would not send. */
async function ask(
  url: URL,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Heard> {
  const heard = Promise.withResolvers<Heard>();
  const sent = request(new URL(path, url), { method, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => (text += part));
    response.on('end', () =>
      heard.resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
    );
  });
  sent.on('error', heard.reject);
  sent.end(body);
  return heard.promise;
}

const BEARER = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

async function act(
  url: URL,
  name: string,
  names: object,
  headers: Record<string, string> = BEARER,
): Promise<Heard> {
  return ask(url, `/api/${name}`, { method: 'POST', headers, body: JSON.stringify(names) });
}

function fail(run: number, more: { keptAt?: string } = {}): void {
  const facts = { queue: 'q', runner: 'r', id: `job-${run}`, attempt: 1, run };
  const how = { outcome: failed('no'), isFinal: true, goesBack: false, isRepeated: false, durationMs: 7 };
  events.emit('job:ended', { ...facts, ...how, disposal: 'dead-lettered', because: 'no', ...more } as never);
}

async function keyOf(url: URL): Promise<string> {
  const { body } = await ask(url, '/api/overview');
  return (JSON.parse(body) as { ended: [{ key: string }] }).ended[0].key;
}

describe('the page', () => {
  it('is served with all it is made of, under a policy that lets nothing else in', async () => {
    const url = await serve();
    const { status, headers, body } = await ask(url, '/');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
      ]),
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    const linked = [...body.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path = '']) => path);
    expect(linked).toContain('/page/page.js');
    for (const path of linked.filter((one) => one !== '/readyz'))
      expect((await ask(url, path)).status, path).toBe(200);
    // Nothing in it needs what the policy forbids.
    expect(body).not.toMatch(/<style|style=|\son\w+=|<script(?! type="module" src)|https?:/);
  });

  it.each([
    '/page/',
    '/page/../http-server.ts',
    '/page/%2e%2e/token.ts',
    '/page/token.ts',
    '/api/',
    '/api/job/x',
  ])('has nothing at %s', async (path) => {
    const url = await serve();
    const { status } = await ask(url, '/', { headers: {} });
    expect(status).toBe(200);
    const sent = Promise.withResolvers<number>();
    // The path as it is, which URL would have tidied.
    request({ host: url.hostname, port: url.port, path, agent: false }, (response) => {
      response.resume();
      sent.resolve(response.statusCode ?? 0);
    }).end();
    expect(await sent.promise).toBe(404);
  });

  it('is asked by no name that somebody may have pointed here; probes may use any', async () => {
    const url = await serve();
    for (const host of [
      'evil.example',
      'evil.example:9464',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '[::1',
    ])
      for (const path of ['/', '/api/overview', '/page/page.js'])
        expect((await ask(url, path, { headers: { host } })).status, `${host} ${path}`).toBe(421);
    expect((await act(url, 'pause', { queue: 'q' }, { ...BEARER, host: 'evil.example' })).status).toBe(421);
    for (const host of ['127.0.0.1:1', 'localhost', 'LOCALHOST:80', '[::1]:9464', '10.0.0.7'])
      expect((await ask(url, '/', { headers: { host } })).status, host).toBe(200);
    for (const path of ['/healthz', '/metrics'])
      expect((await ask(url, path, { headers: { host: 'rbit.monitoring.svc' } })).status).toBe(200);
    expect(done).toStrictEqual([]);
  });

  it('asks the daemon once for all who look at it at the same time', async () => {
    const url = await serve();
    await Promise.all(Array.from({ length: 20 }, () => ask(url, '/api/overview')));
    expect(asked).toBe(1);
  });

  it('is answered whatever it asks', async () => {
    const url = await serve();
    for (const query of [
      'ended=-1',
      'ended=1e99',
      'from=NaN',
      'window=__proto__',
      'queue=%00',
      'ended[]=1',
      'x'.repeat(4_000),
    ])
      expect((await ask(url, `/api/overview?${query}`)).status, query).toBe(200);
    for (const key of ['', '__proto__', 'x-1', '%ff', '../..'])
      expect((await ask(url, `/api/job?key=${key}`)).status, key).toBe(404);
    expect(done).toStrictEqual([]);
  });
});

describe('an action', () => {
  it('is carried out for whoever bears the token, and answered in words', async () => {
    const url = await serve();
    expect(JSON.parse((await act(url, 'pause', { queue: 'q' })).body)).toStrictEqual({
      done: true,
      says: 'pause q',
    });
    await act(url, 'resume', { queue: 'q' });
    fail(5);
    await act(url, 'cancel', { key: await keyOf(url) });
    expect(done).toStrictEqual(['pause q', 'resume q', 'cancel 5']);
  });

  it.each<[string, Record<string, string>]>([
    ['without a token', { 'content-type': 'application/json' }],
    ['with another token', { ...BEARER, authorization: 'Bearer a-token-for-the-pagf' }],
    ['with the beginning of the token', { ...BEARER, authorization: 'Bearer a-token' }],
    ['with the token as a password', { ...BEARER, authorization: `Basic ${btoa(`x:${TOKEN}`)}` }],
  ])('%s is not carried out', async (_, headers) => {
    const url = await serve();
    const { status, body } = await act(url, 'pause', { queue: 'q' }, headers);
    expect(status).toBe(401);
    expect(body).toContain('wrong token');
    expect(body).not.toContain(TOKEN);
    expect(done).toStrictEqual([]);
  });

  it('is never carried out where no token is configured', async () => {
    const url = await serve({ token: undefined });
    for (const name of ['token', 'pause', 'resume', 'cancel', 'retry'])
      expect((await act(url, name, { queue: 'q', key: 'k' })).status, name).toBe(403);
    expect(JSON.parse((await ask(url, '/api/overview')).body)).toMatchObject({ canAct: false });
    expect(done).toStrictEqual([]);
  });

  it('cannot be asked for by a page of another origin', async () => {
    const url = await serve();
    const preflight = await ask(url, '/api/pause', {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(405);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toStrictEqual(
      [],
    );
    for (const site of ['cross-site', 'same-site', 'none'])
      expect((await act(url, 'pause', { queue: 'q' }, { ...BEARER, 'sec-fetch-site': site })).status).toBe(
        403,
      );
    expect(
      (await act(url, 'pause', { queue: 'q' }, { ...BEARER, 'content-type': 'text/plain' })).status,
    ).toBe(415);
    expect(done).toStrictEqual([]);
  });

  it('is a POST of a small object of JSON', async () => {
    const url = await serve();
    expect((await ask(url, '/api/pause', { headers: BEARER })).status).toBe(405);
    for (const body of ['', 'null', '"q"', '{', '{}', '{"queue":7}']) {
      const { status } = await ask(url, '/api/pause', { method: 'POST', headers: BEARER, body });
      expect([400, 409], body).toContain(status);
    }
    const long = { method: 'POST', headers: BEARER, body: JSON.stringify({ queue: 'q'.repeat(5_000) }) };
    expect((await ask(url, '/api/pause', long)).status).toBe(413);
    expect((await act(url, 'cancel', { key: 'another-1' })).status).toBe(409);
    expect(done).toStrictEqual([]);
  });

  it('puts a kept job back once, however often it is asked for', async () => {
    const url = await serve();
    fail(5, { keptAt: KEPT_AT });
    const key = await keyOf(url);
    const first = act(url, 'retry', { key });
    const second = await act(url, 'retry', { key });
    expect(second.status).toBe(409);
    expect(second.body).toContain('already');
    retried.resolve({ done: true, says: 'back' });
    expect((await first).status).toBe(200);
    expect((await act(url, 'retry', { key })).body).toContain('it was put back already');
    expect(done).toStrictEqual([`retry job-5 ${KEPT_AT}`]);
  });

  it('says of a job that was not kept why it cannot be put back', async () => {
    const url = await serve();
    fail(6);
    expect((await act(url, 'retry', { key: await keyOf(url) })).body).toContain(
      'not kept: set keep-failed = yes in [runner:r]',
    );
    expect(done).toStrictEqual([]);
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, load, problemsOf, problemsOfFiles, warningsOf, withAmqp } from './config-folder.ts';

const LOCAL = {
  protocol: 'amqp',
  hostname: 'localhost',
  port: 5672,
  user: 'guest',
  password: 'guest',
  vhost: '/',
};

async function urls(...lines: string[]): Promise<unknown> {
  return (await load(withAmqp(...lines))).amqp?.urls;
}

describe('where the broker is', () => {
  it('an empty section means the broker of this machine', async () => {
    expect(await urls()).toEqual([LOCAL]);
  });

  it('parts say the same as a URL', async () => {
    const parts = ['host = mq', 'port = 5673', 'user = bob', 'password = p@ss/w', 'virtual_host = /builds'];
    const expected = [
      { protocol: 'amqp', hostname: 'mq', port: 5673, user: 'bob', password: 'p@ss/w', vhost: '/builds' },
    ];
    expect(await urls(...parts)).toEqual(expected);
    expect(await urls('url = amqp://bob:p%40ss%2Fw@mq:5673/%2Fbuilds')).toEqual(expected);
  });

  it.each([
    ['amqp://mq', { ...LOCAL, hostname: 'mq' }],
    ['amqps://mq', { ...LOCAL, hostname: 'mq', protocol: 'amqps', port: 5671 }],
    ['amqp://mq:1', { ...LOCAL, hostname: 'mq', port: 1 }],
    ['amqp://mq/', { ...LOCAL, hostname: 'mq' }],
    ['amqp://mq/%2F', { ...LOCAL, hostname: 'mq' }],
    ['amqp://mq/x', { ...LOCAL, hostname: 'mq', vhost: 'x' }],
    ['amqp://[::1]:5673', { ...LOCAL, hostname: '::1', port: 5673 }],
    ['amqp://bob@mq', { ...LOCAL, hostname: 'mq', user: 'bob', password: '' }],
  ])('%s', async (url, expected) => {
    expect(await urls(`url = ${url}`)).toEqual([expected]);
  });

  it('several URLs are kept in order, also over several lines with one commented out', async () => {
    expect(await urls('url = amqp://a amqp://b', '  # amqp://c', '  amqps://d')).toMatchObject([
      { hostname: 'a' },
      { hostname: 'b' },
      { hostname: 'd', port: 5671 },
    ]);
  });

  it('ssl changes protocol and port', async () => {
    expect(await urls('host = mq', 'ssl = yes')).toMatchObject([{ protocol: 'amqps', port: 5671 }]);
  });

  it('an IPv6 address is a host', async () => {
    expect(await urls('host = ::1')).toMatchObject([{ hostname: '::1' }]);
  });

  it.each([
    'amqp://bob:hunter22@mq:99999',
    'amqp://bob:hunter22@mq:port',
    'amqp://bob:hunt%er22@mq',
    'amqp://bob:hunt@er22@mq',
    'amqp://bob:hunt/er22@mq',
    'amqp://bob:hunter22@',
    'amqp://bob:hunter22@mq/a/b',
    'amqp://bob:hunter22@mq?heartbeat=3',
    'amqp:bob:hunter22@mq',
    'hunter22',
  ])('%s is refused without being quoted', async (url) => {
    const problems = await problemsOf(withAmqp(`url = ${url}`));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^worker\.ini:6: \[amqp\] url: .* \(.*\)$/);
    expect(problems[0]).not.toMatch(/hunt|er22/);
  });

  it('a host in [DEFAULT] is no contradiction to a URL', async () => {
    expect(await urls('url = amqp://mq', '[DEFAULT]', 'host = elsewhere')).toMatchObject([
      { hostname: 'mq' },
    ]);
  });
});

describe('TLS', () => {
  const files = { 'tls/ca.pem': 'CA', 'tls/cert.pem': 'CERT', 'tls/key.pem': 'KEY' };

  it('files are found from the INI file', async () => {
    const text = withAmqp(
      'ssl = on',
      'ca-file = tls/ca.pem',
      'cert-file = tls/cert.pem',
      'key-file = tls/key.pem',
    );
    const { amqp } = await load(text, {}, files);
    expect([amqp?.ca, amqp?.cert, amqp?.key].map((path) => path?.replace(/^\/.*\/tls\//, ''))).toEqual([
      'ca.pem',
      'cert.pem',
      'key.pem',
    ]);
  });

  it.each([
    ['ssl = yes', 'url = amqp://mq', 'ssl: a url says amqp://'],
    ['ssl = no', 'url = amqps://mq', 'ssl: a url says amqps://'],
    ['servername = mq', 'url = amqp://mq', 'servername: means nothing without TLS'],
    ['key-file = worker.ini', 'url = amqps://mq', 'key-file: a key needs its certificate'],
  ])('%s with %s', async (one, other, expected) => {
    expect((await problemsOf(withAmqp(one, other))).join('\n')).toContain(expected);
  });

  it('ssl may say what the URLs say', async () => {
    expect(await urls('ssl = no', 'url = amqp://mq')).toHaveLength(1);
    expect(await urls('ssl = yes', 'url = amqps://mq')).toHaveLength(1);
  });

  it('a file of certificates may hold remarks in any encoding', async () => {
    const folder = folderWith({
      'worker.ini': withAmqp('ssl = yes', 'ca-file = ca.pem'),
      'ca.pem': Buffer.from([0xe9]),
    });
    expect(await problemsOfFiles([join(folder, 'worker.ini')], folder)).toEqual([]);
  });

  it('an authority is of use when one of several URLs has TLS', async () => {
    const { amqp } = await load(withAmqp('url = amqp://a amqps://b', 'ca-file = tls/ca.pem'), {}, files);
    expect(amqp?.ca).toMatch(/ca\.pem$/);
  });
});

it('an empty exchange is none, and a heartbeat is in milliseconds', async () => {
  const config = await load(
    withAmqp('exchange =', 'heartbeat = 5s', 'declare = PASSIVE', 'queue-type = quorum'),
  );
  expect(config.amqp).toMatchObject({
    exchange: undefined,
    heartbeatMs: 5000,
    declare: 'passive',
    queueType: 'quorum',
  });
  expect(warningsOf(config)).toEqual([]);
});

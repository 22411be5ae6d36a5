import { describe, expect, it } from 'vitest';
import { load, warningsOf } from './config-folder.ts';

const REST = '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!true\n';

describe('[http]', () => {
  it('is off when it is absent', async () => {
    expect((await load(REST)).http).toBeUndefined();
  });

  it.each([
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:9464', { host: '::1', port: 9464 }],
  ])('listen = %s is an address and a port', async (written, listen) => {
    const config = await load(`${REST}[http]\nlisten = ${written}\n`);
    expect(config.http).toStrictEqual({ listen, token: undefined });
    expect(config.warnings).toStrictEqual([]);
  });

  it('may take its port from the environment', async () => {
    const config = await load(`${REST}[http]\nlisten = 127.0.0.1:\${env:PORT}\n`, { PORT: '9464' });
    expect(config.http?.listen.port).toBe(9464);
  });

  it('takes a token, also from a file, and shows it nowhere', async () => {
    const token = 'a-token-of-20-letter';
    const config = await load(`${REST}[http]\nlisten = 127.0.0.1:1\ntoken = \${env:TOKEN}\n`, {
      TOKEN: token,
    });
    expect(config.http?.token).toBe(token);
    expect(config.secrets.mask(`Bearer ${token}`)).toBe('Bearer ***');
    const written = await load(`${REST}[http]\nlisten = 127.0.0.1:1\ntoken = ${token}\n`);
    expect(written.secrets.mask(token)).toBe('***');
  });

  it.each([
    ['tooshort', 'shorter than 16 characters'],
    ['sixteen chars ok?', 'a token has letters, digits and signs of ASCII only'],
    ['pässwörtchen-mit-umlaut', 'a token has letters, digits and signs of ASCII only'],
  ])('refuses the token %s, without showing it', async (token, why) => {
    const reason: unknown = await load(`${REST}[http]\nlisten = 127.0.0.1:1\ntoken = ${token}\n`).catch(
      (error: unknown) => error,
    );
    expect(String(reason)).toContain(`[http] token: ${why} (make one with: openssl rand -hex 16)`);
    expect(String(reason)).not.toContain(token);
  });

  it('without listen is off, and says so', async () => {
    const config = await load(`${REST}[http]\n`);
    expect(config.http).toBeUndefined();
    expect(warningsOf(config)).toStrictEqual([
      'worker.ini:5: [http]: has no effect without listen (add listen = 127.0.0.1:9464, or remove the section)',
    ]);
  });
});

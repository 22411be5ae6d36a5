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
    expect(config.http).toStrictEqual({ listen });
    expect(config.warnings).toStrictEqual([]);
  });

  it('may take its port from the environment', async () => {
    const config = await load(`${REST}[http]\nlisten = 127.0.0.1:\${env:PORT}\n`, { PORT: '9464' });
    expect(config.http?.listen.port).toBe(9464);
  });

  it('without listen is off, and says so', async () => {
    const config = await load(`${REST}[http]\n`);
    expect(config.http).toBeUndefined();
    expect(warningsOf(config)).toStrictEqual([
      'worker.ini:5: [http]: has no effect without listen (add listen = 127.0.0.1:9464, or remove the section)',
    ]);
  });
});

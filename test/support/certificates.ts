import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = promisify(execFile);

/** A certificate authority with a certificate for a server (localhost) and one for a client, as PEM files. */
export interface Certificates {
  readonly paths: Record<'ca' | 'serverCert' | 'serverKey', string>;
  readonly ca: Buffer;
  readonly clientCert: Buffer;
  readonly clientKey: Buffer;
  remove(): Promise<void>;
}

/** Makes them with openssl; valid for a day. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'rbit-ts-certificates-'));
  const path = (name: string): string => join(folder, name);
  const newKey = ['req', '-newkey', 'rsa:2048', '-nodes'];

  await openssl('openssl', [
    ...newKey,
    '-x509',
    '-days',
    '1',
    '-subj',
    '/CN=test CA',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
  ]);
  for (const [name, extension] of [
    ['server', 'subjectAltName=DNS:localhost\n'],
    ['client', 'extendedKeyUsage=clientAuth\n'],
  ] as const) {
    await writeFile(path(`${name}.ext`), extension);
    const request = ['-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)];
    await openssl('openssl', [...newKey, '-subj', `/CN=${name}`, ...request]);
    const signing = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'];
    const result = ['-extfile', path(`${name}.ext`), '-out', path(`${name}.pem`)];
    await openssl('openssl', [
      'x509',
      '-req',
      '-days',
      '1',
      '-in',
      path(`${name}.csr`),
      ...signing,
      ...result,
    ]);
  }
  return {
    paths: { ca: path('ca.pem'), serverCert: path('server.pem'), serverKey: path('server.key') },
    ca: await readFile(path('ca.pem')),
    clientCert: await readFile(path('client.pem')),
    clientKey: await readFile(path('client.key')),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

import { execFileSync } from 'node:child_process';
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { connectErrorText } from '../../../src/broker/amqp/connect-error.ts';
import { urlParts } from './fixture.ts';

const url = urlParts('amqps://me:hunter2@mq.example.com');
const FAILED = 'TLS with amqps://mq.example.com:5671 failed: ';

/** As `openssl` of Node words them. */
test.each([
  [
    'E0BC:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 116\n',
    'tlsv13 alert certificate required (it wants a certificate of ours: set cert-file and key-file)',
  ],
  [
    'self-signed certificate in certificate chain',
    'self-signed certificate in certificate chain (set ca-file to the authority that signed its certificate)',
  ],
  [
    'unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca',
    'unable to verify the first certificate (set ca-file to the authority that signed its certificate)',
  ],
  [
    'unable to get local issuer certificate',
    'unable to get local issuer certificate (set ca-file to the authority that signed its certificate)',
  ],
  [
    "Hostname/IP does not match certificate's altnames: Host: mq. is not in the cert's altnames: DNS:localhost",
    "Hostname/IP does not match certificate's altnames: Host: mq. is not in the cert's altnames: DNS:localhost (set servername to a name that is in its certificate)",
  ],
  [
    'write EPROTO C0:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../deps/x.c:2:SSL alert number 40\n',
    'ssl/tls alert handshake failure',
  ],
  ['something else\r\n  on two lines\n', 'something else on two lines'],
])('a failure of TLS is one line with its fix: %j', (message, expected) => {
  expect(connectErrorText(new Error(message), url)).toBe(FAILED + expected);
});

test('a key that does not belong to its certificate is said to be so', () => {
  const make = (): string =>
    execFileSync(
      'openssl',
      'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=x -keyout - -out -'.split(' '),
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
  const [cert, key] = [make(), make()];
  let thrown: unknown;
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    thrown = error;
  }
  expect(connectErrorText(thrown, url)).toBe(
    `${FAILED}key values mismatch (key-file does not belong to cert-file)`,
  );
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const RABBITMQ_PLACES = [
  '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin',
  '/opt/rabbitmq/sbin',
  '/opt/homebrew/opt/rabbitmq/sbin',
  '/usr/local/opt/rabbitmq/sbin',
];

/**
 * The folder of RabbitMQ's own scripts. They are used instead of those in /usr/sbin, which insist on their
 * own user. Installed first, where that is possible.
 */
export function rabbitmqScripts(): Promise<string> {
  return findOrInstall(
    () =>
      RABBITMQ_PLACES.flatMap((place) => globSync(place)).find((folder) =>
        existsSync(`${folder}/rabbitmq-server`),
      ),
    'rabbitmq-server',
    'These tests need a RabbitMQ. Install it (apt-get install rabbitmq-server) and run them again, ' +
      'or set RBIT_TEST_AMQP_URL to one they may use (amqp://user:password@host:5672/vhost).',
  );
}

/** The path of amqp-publish, a client that shares no code with ours. Installed first, where that is possible. */
export function amqpPublish(): Promise<string> {
  return findOrInstall(
    () =>
      (process.env['PATH'] ?? '')
        .split(delimiter)
        .map((folder) => join(folder, 'amqp-publish'))
        .find((path) => existsSync(path)),
    'amqp-tools',
    'These tests send jobs by amqp-publish. Install it (apt-get install amqp-tools) and run them again.',
  );
}

/** The path of a Chromium that can be driven. Installed first, where that is possible. */
export function chromium(): Promise<string> {
  return findOrInstall(
    findChromium,
    'chromium',
    'These tests look at a page. Install a browser (apt-get install chromium) and run them again.',
  );
}

/** Why there is no Chromium and none can be installed; undefined: there is one, or will be. */
export function whyNoChromium(): string | undefined {
  if (findChromium() !== undefined || canInstall()) return undefined;
  return 'needs Chromium: apt-get install chromium';
}

function findChromium(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

// A package's service must not start: policy-rc.d is how Debian says so.
const INSTALL = `
  set -e
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install -y --no-install-recommends "$@"
`;

/** As root on Debian or Ubuntu what is missing is installed, which is said on stdout; elsewhere it throws the instruction. */
async function findOrInstall(
  find: () => string | undefined,
  debianPackage: string,
  instruction: string,
): Promise<string> {
  const found = find();
  if (found !== undefined) return found;
  if (!canInstall()) throw new Error(instruction);

  console.log(`${debianPackage} is not on this machine: installing it with apt-get`);
  // The lock is for tests that run side by side.
  const apt = spawn('flock', ['/tmp/rbit-ts-apt-get.lock', 'sh', '-c', INSTALL, 'sh', debianPackage], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [apt.stdout, apt.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  const [code] = await once(apt, 'close');
  const installed = find();
  if (installed === undefined)
    throw new Error(`${instruction}\napt-get ended with ${String(code)}:\n${said}`);
  return installed;
}

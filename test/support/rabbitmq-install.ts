import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';

const PLACES = [
  '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin',
  '/opt/rabbitmq/sbin',
  '/opt/homebrew/opt/rabbitmq/sbin',
  '/usr/local/opt/rabbitmq/sbin',
];

// A package's service must not start: policy-rc.d is how Debian says so. The lock is for tests that run side by side.
const INSTALL = `
  set -e
  ls /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server >/dev/null 2>&1 && exit 0
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install -y --no-install-recommends rabbitmq-server amqp-tools
`;

/**
 * The folder of RabbitMQ's own scripts. They are used instead of those in /usr/sbin, which insist on their
 * own user. Where there is none it is installed from Debian's packages if that is possible, which it says on stdout.
 */
export async function rabbitmqScripts(): Promise<string> {
  const found = findScripts();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw new Error(INSTRUCTION);

  console.log('RabbitMQ is not on this machine: installing rabbitmq-server and amqp-tools with apt-get');
  const apt = spawn('flock', ['/tmp/rbit-ts-apt-get.lock', 'sh', '-c', INSTALL], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [apt.stdout, apt.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  const [code] = await once(apt, 'close');
  const installed = findScripts();
  if (installed === undefined) {
    throw new Error(`${INSTRUCTION}\napt-get ended with ${String(code)}:\n${said}`);
  }
  return installed;
}

const INSTRUCTION =
  'These tests need a RabbitMQ. Install it (apt-get install rabbitmq-server) and run them again, ' +
  'or set RBIT_TEST_AMQP_URL to one they may use (amqp://user:password@host:5672/vhost).';

function findScripts(): string | undefined {
  return PLACES.flatMap((place) => globSync(place)).find((folder) => existsSync(`${folder}/rabbitmq-server`));
}

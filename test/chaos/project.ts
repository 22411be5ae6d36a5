import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CLI } from '../support/daemon.ts';
import { ENDLESS_TIMEOUT_MS, RETRIES } from './kinds.ts';
import { type CampaignQueue, campaignQueues, HOSTS, type HostName } from './queues.ts';

/** How long a daemon's jobs may go on after SIGTERM, and how long a process that has to end may take. */
export const SHUTDOWN_MS = 3000;
export const KILL_GRACE_MS = 1000;

const CHECK_LIMIT_MS = 30_000;

/** Where a campaign keeps what it makes. */
export interface CampaignFolder {
  readonly path: string;
  readonly ledger: string;
  readonly locks: string;
}

/** The text of a host's INI file; `port` is where it finds its broker. */
export function iniText(
  host: HostName,
  port: number,
  queues: readonly CampaignQueue[],
  { path, ledger, locks }: CampaignFolder,
): string {
  const own = queues.filter(({ hosts }) => hosts.includes(host));
  return `[rbit]
queue-mappings = ${own.map(({ name }) => `${name}:${runnerName(name, host)}`).join('\n  ')}
name = chaos-${host}
state-dir = ${join(path, `state-${host}`)}
shutdown-timeout = ${SHUTDOWN_MS}ms
log-level = debug
log-format = json
[amqp]
url = amqp://guest:guest@127.0.0.1:${port}
heartbeat = 2s
connect-timeout = 3s
reconnect-max-delay = 2s
${own.map((queue) => runnerText(queue, host, { path, ledger, locks })).join('')}`;
}

/** The name of a host's runner: it is the `app_id` of its replies and the `x-rbit-runner` of its dead letters. */
export function runnerName(queue: string, host: HostName): string {
  return `${queue}@${host}`;
}

/** The host in the name of a runner. */
export function hostOfRunner(name: string): HostName | undefined {
  return HOSTS.find((host) => name.endsWith(`@${host}`));
}

function runnerText(queue: CampaignQueue, host: HostName, { ledger, locks }: CampaignFolder): string {
  const { name, processor, concurrency, diet, ack } = queue;
  const isEndless = diet === 'endless';
  const words = ['key', 'kind', 'tries', 'ms'].map((word) => `%{parameters.${word}}`).join(' ');
  const line =
    processor === 'shell' ? `shell!exec sh '${jobFile('job.sh')}' ${words}` : `module!${jobFile('job.ts')}`;
  return `[queue:${name}]
queue-type = ${queue.type}
[runner:${runnerName(name, host)}]
runner = ${line}
concurrency = ${concurrency}
timeout = ${isEndless ? `${ENDLESS_TIMEOUT_MS}ms` : '2m'}
kill-grace = ${KILL_GRACE_MS}ms
blocked-delay = 300ms
retries = ${RETRIES}
retry-delay = 200ms..1s
crash-limit = 1000
keep-failed = ${isEndless ? 'yes' : 'no'}
required = parameters.key
host = ${host}
ledger = ${ledger}
${processor === 'shell' ? `locks = ${locks}\n` : 'threads = 1\n'}${ack === undefined ? '' : `ack = ${ack}\non-restart = rerun\n`}`;
}

function jobFile(name: string): string {
  return fileURLToPath(new URL(`./jobs/${name}`, import.meta.url));
}

/** Asks the program itself whether it can acknowledge at the receipt: a daemon that cannot is tried without. */
export async function canAcknowledgeAtReceipt(folder: CampaignFolder): Promise<boolean> {
  const file = join(folder.path, 'receipt.ini');
  await writeFile(file, iniText('b', 5672, campaignQueues(true), folder));
  try {
    await promisify(execFile)(process.execPath, [CLI, 'check', file], { timeout: CHECK_LIMIT_MS });
    return true;
  } catch {
    return false;
  }
}

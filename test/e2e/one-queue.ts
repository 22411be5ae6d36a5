import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeProject } from '../support/daemon.ts';
import type { Requester } from '../support/requester.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

/** One queue with one shell runner, in a project of its own. */
export interface OneQueue {
  readonly queue: string;
  readonly dir: string;
  readonly ini: string;
  /** Lines that the jobs wrote to `runs`: one for each start of each. */
  readonly runs: () => Promise<string[]>;
}

export interface OneQueueOptions {
  /** What the runner's shell does after it has noted the run. */
  readonly command: string;
  /** More lines of the runner's section, and of `[rbit]`. */
  readonly runner?: string;
  readonly rbit?: string;
  /** URL of the broker; undefined: the requester's own. `embedded`: none. */
  readonly at?: string;
}

/** Lends a queue with a shell runner that notes each run, and takes everything away afterwards. */
export async function withQueue(
  requester: Requester,
  { command, runner = '', rbit = '', at = requester.url }: OneQueueOptions,
  use: (bench: OneQueue) => Promise<void>,
): Promise<void> {
  const queue = `life.${randomUUID().slice(0, 8)}`;
  const amqp = `[amqp]\nurl = ${at}\nheartbeat = 1s\nreconnect-max-delay = 500ms\n`;
  const project = await makeProject(`[rbit]
queue-mappings = ${queue}:r
log-level = debug
${rbit}
${at === 'embedded' ? '' : amqp}
[runner:r]
runner = shell!echo %ID >> runs; ${command}
${runner}
`);
  const runs = async (): Promise<string[]> =>
    (await readFile(join(project.dir, 'runs'), 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line !== '');
  try {
    await use({ queue, dir: project.dir, ini: project.ini, runs });
  } finally {
    await project.remove();
    if (at !== 'embedded') await requester.channel.deleteQueue(queue);
  }
}

/** The URL of a broker as it is reached through a proxy. */
export function throughProxy(url: string, proxy: TcpProxy): string {
  const parts = new URL(url);
  parts.hostname = '127.0.0.1';
  parts.port = String(proxy.port);
  return parts.href;
}

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { askAll } from '../../src/control/client.ts';
import type { ReloadAnswer } from '../../src/control/messages.ts';
import type { DaemonStatus } from '../../src/job/status.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Mailbox, openMailbox } from '../support/mailbox.ts';

/** What of an INI file a test says itself. */
export interface Ini {
  /** QUEUE → RUNNER; names of queues as `Reloading.queue` makes them. */
  readonly mappings: Readonly<Record<string, string>>;
  /** More lines of `[rbit]`. */
  readonly rbit?: string;
  /** All other sections. */
  readonly sections: string;
}

/** A daemon whose INI file changes, and somebody who sends it jobs. */
export interface Reloading {
  readonly dir: string;
  readonly ini: string;
  readonly daemon: TestDaemon;
  readonly mailbox: Mailbox;
  /** A name that is this test's alone. */
  readonly queue: (name: string) => string;
  write(ini: Ini): Promise<void>;
  /** Has the daemon read it, and returns what it says to that. */
  reload(): Promise<ReloadAnswer>;
  status(): Promise<DaemonStatus>;
  /** What runners have written to a file of the project, line by line. */
  lines(file: string): Promise<string[]>;
  /** Lets the runner go on that waits for this file. */
  touch(file: string): Promise<void>;
}

/**
 * Starts a daemon on RabbitMQ at this URL, or on its embedded queue; it is stopped after the test. `mailboxAt`: who sends
 * the jobs reaches the broker there.
 */
export async function startReloading(
  url: string | undefined,
  first: (queue: (name: string) => string) => Ini,
  files: Readonly<Record<string, string>> = {},
  mailboxAt = url,
): Promise<Reloading> {
  const id = randomUUID().slice(0, 8);
  const queue = (name: string): string => `${name}.${id}`;
  const project = await makeProject('', files);
  const { dir, ini } = project;
  const state = join(dir, 's');
  await mkdir(state, { mode: 0o700 });

  async function write({ mappings, rbit = '', sections }: Ini): Promise<void> {
    const pairs = Object.entries(mappings).map(([name, runner]) => `  ${name}:${runner}`);
    const amqp = url === undefined ? '' : `[amqp]\nurl = ${url}\nheartbeat = 1s\n`;
    const text = `[rbit]\nqueue-mappings =\n${pairs.join('\n')}\nstate-dir = s\nlog-format = json\n${rbit}\n${amqp}\n${sections}\n`;
    // As an editor or a deployment does it: never half of a file.
    await writeFile(`${ini}.new`, text);
    await rename(`${ini}.new`, ini);
  }

  await write(first(queue));
  const daemon = new TestDaemon([ini]);
  onTestFinished(async () => {
    await daemon.stop();
    await project.remove();
  });
  async function status(): Promise<DaemonStatus> {
    const [asked] = await askAll<'status'>(state, { command: 'status' }, 5_000);
    if (asked?.kind !== 'answer') throw new Error(`no status: ${daemon.stderr.join(' | ')}`);
    return asked.answer;
  }
  await eventually(
    async () => (await status()).queues.every((one) => one.state === 'consuming'),
    'the consumers',
    20_000,
  );
  const mailbox = await openMailbox(mailboxAt ?? join(state, 'queue.sqlite'));
  onTestFinished(() => mailbox.stop());

  return {
    dir,
    ini,
    daemon,
    mailbox,
    queue,
    write,
    async reload() {
      const [asked] = await askAll<'reload'>(state, { command: 'reload' }, 30_000);
      if (asked?.kind !== 'answer') throw new Error(asked === undefined ? 'no daemon' : asked.why);
      return asked.answer;
    },
    status,
    async lines(file) {
      const text = await readFile(join(dir, file), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
    touch: (file) => writeFile(join(dir, file), ''),
  };
}

/** How many files a process has open, and how many children it has. */
export async function holdings(pid: number): Promise<{ readonly files: number; readonly children: number }> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return {
    files: (await readdir(`/proc/${pid}/fd`)).length,
    children: children.split(' ').filter((child) => child !== '').length,
  };
}

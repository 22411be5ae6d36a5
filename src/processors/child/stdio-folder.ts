import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { RunnerError } from '../../job/runner.ts';
import { fateOf, formatDaemonId, ownDaemonId, parseDaemonId } from './daemon-id.ts';

/** Two for each job, made by one call of mkfifo(1) for many jobs at once: Node itself cannot make any. */
const BATCH = 64;
const MAKE_LIMIT_MS = 10_000;

const open = new Set<string>();
let isListening = false;

/** Where the standard streams of a runner's children begin: a folder for temporary files that nobody else may enter. */
export class StdioFolder {
  #path: string | undefined;
  #ready: string[] = [];
  #making: Promise<void> | undefined;
  #made = 0;

  /** Throws RunnerError when there is no place for the folder, or no program to make pipes with. */
  async open(): Promise<void> {
    const parent = tmpdir();
    try {
      this.#path = await mkdtemp(join(parent, ownPrefix()));
      removeAtExit(this.#path);
      await this.#make();
    } catch (error) {
      await this.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new RunnerError(
        `cannot make temporary files in ${parent} (${reason}): point TMPDIR to a folder that takes them`,
      );
    }
  }

  /** A path that nothing has yet. */
  newPath(): string {
    if (this.#path === undefined) throw new Error('the folder for temporary files is closed');
    this.#made += 1;
    return join(this.#path, String(this.#made));
  }

  /** The path of a named pipe that nobody has opened; whoever takes it unlinks it. */
  async takeFifo(): Promise<string> {
    for (;;) {
      if (this.#ready.length <= BATCH / 2) this.#making ??= this.#makeMore();
      const path = this.#ready.pop();
      if (path !== undefined) return path;
      await this.#making;
    }
  }

  async close(): Promise<void> {
    const path = this.#path;
    this.#path = undefined;
    this.#ready = [];
    await this.#making?.catch(() => {});
    if (path === undefined) return;
    await rm(path, { recursive: true, force: true });
    open.delete(path);
  }

  async #makeMore(): Promise<void> {
    try {
      await this.#make();
    } finally {
      this.#making = undefined;
    }
  }

  async #make(): Promise<void> {
    const paths = Array.from({ length: BATCH }, () => this.newPath());
    await execa('mkfifo', ['-m', '600', ...paths], { stdin: 'ignore', timeout: MAKE_LIMIT_MS });
    this.#ready.push(...paths);
  }
}

/** By its name a folder tells whose it is: see `removeLeftFolders`. */
const PREFIX = 'rbit-ts-';

function ownPrefix(): string {
  const own = ownDaemonId();
  return own === undefined ? PREFIX : `${PREFIX}${formatDaemonId(own)}-`;
}

/** Removes the folders of this user's daemons that were killed. Never rejects. */
export async function removeLeftFolders(): Promise<void> {
  const own = ownDaemonId();
  if (own === undefined) return;
  const parent = tmpdir();
  for (const name of await readdir(parent).catch(() => [])) {
    const [, id = ''] = /^rbit-ts-(.+)-[^-]{6}$/.exec(name) ?? [];
    const daemon = parseDaemonId(id);
    if (daemon === undefined || !['ended', 'gone'].includes(fateOf(daemon, own))) continue;
    const path = join(parent, name);
    // Somebody else may have put it there; and what he links to is not followed.
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true && found.uid === process.geteuid?.())
      await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** A daemon that ends in a hurry leaves no folder behind either. */
function removeAtExit(path: string): void {
  if (!isListening)
    process.on('exit', () => open.forEach((one) => rmSync(one, { recursive: true, force: true })));
  isListening = true;
  open.add(path);
}

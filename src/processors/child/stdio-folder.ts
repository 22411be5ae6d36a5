import { rmSync } from 'node:fs';
import { chmod, lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunnerError } from '../../job/runner.ts';
import type { Owner } from '../limits/identity.ts';
import { fateOf, formatDaemonId, ownDaemonId, parseDaemonId } from './daemon-id.ts';
import { runSmallProgram } from './small-program.ts';

/**
 * Two for each job, made by one call of mkfifo(1) for many jobs at once: Node itself cannot make any. Fewer at first, for
 * those who do not need more.
 */
const FIRST_BATCH = 64;
const BATCH = 512;
const MAKE_LIMIT_MS = 10_000;

const open = new Set<string>();
let isListening = false;

/**
 * Where the standard streams of a runner's children begin: a folder for temporary files that nobody else may enter.
 * Children of another user may pass through it to a file of their own whose path they were told, and can neither list
 * nor change it: so nobody can put anything in the place of a file that the daemon opens there.
 */
export class StdioFolder {
  #path: string | undefined;
  #owner: Owner | undefined;
  #ready: string[] = [];
  #making: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  #made = 0;

  /** Who the children are, if not the daemon: whoever makes a file here gives it to them by its descriptor. */
  get owner(): Owner | undefined {
    return this.#owner;
  }

  /** Throws RunnerError when there is no place for the folder, or no program to make pipes with. */
  async open(owner?: Owner): Promise<void> {
    this.#owner = owner;
    try {
      await this.#makeFolder();
      await this.#make(FIRST_BATCH);
    } catch (error) {
      await this.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new RunnerError(
        `cannot make temporary files in ${tmpdir()} (${reason}): point TMPDIR to a folder that takes them`,
      );
    }
  }

  /**
   * Does what makes or takes files here. A system that tidies up takes away what nobody has touched for days: then the
   * folder is made anew, and it is done once more. Rejects as `work` does.
   */
  async attempt<T>(work: () => Promise<T> | T): Promise<T> {
    const path = this.#path;
    try {
      return await work();
    } catch (error) {
      if (path === undefined || !((await isGone(path)) || isMissing(error))) throw error;
      this.#renewing ??= this.#renew(path).finally(() => {
        this.#renewing = undefined;
      });
      await this.#renewing;
      return work();
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
      if (this.#ready.length <= FIRST_BATCH / 2) this.#makeMore();
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
    // What a job has left there may be nobody's to remove; the end of the process tries once more.
    await rm(path, { recursive: true, force: true }).then(
      () => open.delete(path),
      () => {},
    );
  }

  /** Ahead of need: what goes wrong is heard of by whoever has to wait for it. */
  #makeMore(): void {
    if (this.#making !== undefined) return;
    const making = this.#make(BATCH).finally(() => {
      this.#making = undefined;
    });
    this.#making = making;
    making.catch(() => {});
  }

  async #makeFolder(): Promise<void> {
    this.#path = await mkdtemp(join(tmpdir(), ownPrefix()));
    removeAtExit(this.#path);
    if (this.#owner !== undefined) await chmod(this.#path, 0o711);
  }

  /** `path` is the folder that something was missing in; another one has been made since, perhaps. */
  async #renew(path: string): Promise<void> {
    await this.#making?.catch(() => {});
    if (this.#path !== path) return;
    this.#ready = [];
    if (!(await isGone(path))) return;
    open.delete(path);
    await this.#makeFolder();
  }

  async #make(count: number): Promise<void> {
    const paths = Array.from({ length: count }, () => this.newPath());
    const failure = await runSmallProgram('mkfifo', ['-m', '600', ...paths], { limitMs: MAKE_LIMIT_MS });
    if (failure !== undefined) throw new Error(failure);
    this.#ready.push(...paths);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isGone(path: string): Promise<boolean> {
  return lstat(path).then((found) => !found.isDirectory(), isMissing);
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
  if (!isListening) process.on('exit', () => open.forEach(removeNow));
  isListening = true;
  open.add(path);
}

function removeNow(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next daemon tries again, and the exit status is not to tell of it.
  }
}

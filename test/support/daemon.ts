import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

export const CLI = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));

/** One line of the daemon's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A real daemon: the command line as a child process, its log parsed. */
export class TestDaemon {
  readonly log: LogLine[] = [];
  readonly stderr: string[] = [];
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv; cli?: string } = {},
  ) {
    this.child = spawn(process.execPath, [options.cli ?? CLI, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, XDG_STATE_HOME: stateHome(args, options.cwd), ...options.env },
    });
    this.exited = once(this.child, 'close').then(() => this.child.exitCode);
    const { stdout, stderr } = this.child;
    if (stdout !== null) {
      createInterface({ input: stdout }).on('line', (line) => this.log.push(JSON.parse(line) as LogLine));
    }
    if (stderr !== null) createInterface({ input: stderr }).on('line', (line) => this.stderr.push(line));
  }

  /** Waits for a line of the log whose text matches. */
  async logged(text: RegExp, limitMs?: number): Promise<LogLine> {
    return eventually(
      () => this.log.find(({ msg }) => text.test(msg)),
      `the log line ${text} (so far: ${this.log.map(({ msg }) => msg).join(' | ')} ${this.stderr.join(' | ')})`,
      limitMs,
    );
  }

  /** Waits until every queue is consumed. */
  async consuming(...queues: readonly string[]): Promise<this> {
    for (const queue of queues) {
      await eventually(
        () => this.log.some(({ msg }) => msg === `consuming queue ${queue}`),
        `consuming ${queue} (so far: ${this.log.map(({ msg }) => msg).join(' | ')} ${this.stderr.join(' | ')})`,
        20_000,
      );
    }
    return this;
  }

  /** Asks it to stop as an operator would; resolves with its exit status. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exited;
  }
}

/** State is kept beside the INI file, so that daemons of different tests have nothing in common. */
function stateHome(args: readonly string[], cwd = process.cwd()): string {
  const ini = args.find((arg) => arg.endsWith('.ini'));
  return join(ini === undefined ? cwd : dirname(resolve(cwd, ini)), 'state');
}

/** A folder with an INI file in it; `files` are more files by name. */
export async function makeProject(
  ini: string,
  files: Readonly<Record<string, string>> = {},
): Promise<{ dir: string; ini: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'rbit-test-'));
  const path = join(dir, 'worker.ini');
  await writeFile(path, ini);
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return { dir, ini: path, remove: () => rm(dir, { recursive: true, force: true }) };
}

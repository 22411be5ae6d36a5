import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { oneLine } from '../terminal/terminal-text.ts';

/** One line of the daemon's log. */
export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  /** How a run ended, on the line that tells so. */
  readonly outcome?: string;
}

const KILL_AFTER_MS = 8_000;

/** A daemon as a child process, whose log is kept, and shown when nobody else writes. */
export class DemoDaemon {
  readonly entries: LogEntry[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  readonly #heard = new EventEmitter<{ entry: [] }>();
  readonly #write: (line: string) => void;
  #shown = 0;
  #isQuiet = false;

  /** `args` follow Node.js on its command line; `write` shows one line of the log. */
  constructor(
    args: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
    write: (line: string) => void,
  ) {
    this.#write = write;
    const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    this.#exited = once(child, 'close').then(() => child.exitCode);
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.entries.push(JSON.parse(line) as LogEntry);
      if (!this.#isQuiet) this.#flush();
      this.#heard.emit('entry');
    });
  }

  /** Keeps the log back while `work` writes. */
  async quietly<T>(work: () => Promise<T>): Promise<T> {
    this.#isQuiet = true;
    try {
      return await work();
    } finally {
      this.#isQuiet = false;
      this.#flush();
    }
  }

  /** Resolves when the log tells what `isTold` looks for. Rejects when `signal` aborts, or the daemon ends first. */
  async tells(isTold: (entries: readonly LogEntry[]) => boolean, signal: AbortSignal): Promise<void> {
    const ended = this.#exited.then((code) => {
      throw new Error(`the daemon ended with exit status ${String(code)}`);
    });
    ended.catch(() => {});
    while (!isTold(this.entries)) await Promise.race([once(this.#heard, 'entry', { signal }), ended]);
  }

  /** Asks it to stop as an operator would, and kills it when it does not. Resolves with its exit status. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const isOver = new AbortController();
    const late = wait(KILL_AFTER_MS, true, { signal: isOver.signal }).catch(() => false);
    const exitCode = await Promise.race([this.#exited, late.then(() => undefined)]);
    isOver.abort();
    if (exitCode !== undefined) return exitCode;
    this.kill();
    return this.#exited;
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #flush(): void {
    for (const { level, msg } of this.entries.slice(this.#shown))
      this.#write(`${level.padEnd(5)}${oneLine(msg)}`);
    this.#shown = this.entries.length;
  }
}

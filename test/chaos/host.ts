import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { CLI } from '../support/daemon.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { KILL_GRACE_MS, SHUTDOWN_MS } from './project.ts';
import type { HostName } from './queues.ts';

/** A daemon that is not there yet when SIGTERM comes ends by it, as any program does. */
const STARTING_MS = 5000;
/** How much longer than its INI file allows a daemon may take to stop, on a busy machine. */
const STOP_SLACK_MS = 15_000;
const AFTER_A_CRASH_MS = 500;

/** One host of a campaign: a real daemon, started again whenever it is ended, and the cable it hangs on. */
export class Host {
  readonly name: HostName;
  readonly proxy: TcpProxy;
  readonly logFile: string;
  /** What its daemons did that none should: ended unasked, with a wrong status, or not at all. */
  readonly troubles: string[] = [];
  readonly #ini: string;
  #child: ChildProcess | undefined;
  #isAsked = false;
  #startedMs = 0;

  constructor(options: { name: HostName; proxy: TcpProxy; ini: string; logFile: string }) {
    this.name = options.name;
    this.proxy = options.proxy;
    this.logFile = options.logFile;
    this.#ini = options.ini;
  }

  /** Process id of the daemon; undefined when there is none. */
  get pid(): number | undefined {
    return isRunning(this.#child) ? this.#child?.pid : undefined;
  }

  start(): void {
    if (isRunning(this.#child)) return;
    const log = openSync(this.logFile, 'a');
    // A session of its own: Ctrl-C is for the campaign, which ends its daemons itself.
    const child = spawn(process.execPath, [CLI, this.#ini], { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.#child = child;
    this.#isAsked = false;
    this.#startedMs = performance.now();
    child.once('error', (error) => this.troubles.push(`${this.name}: ${String(error)}`));
    child.once('exit', (code, signal) => void this.#watch(code, signal));
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it as an operator would. One that does not stop in its time is killed, and that is a trouble. */
  async stop(): Promise<void> {
    const isStarting = performance.now() - this.#startedMs < STARTING_MS;
    const status = await this.#end('SIGTERM', SHUTDOWN_MS + KILL_GRACE_MS + STOP_SLACK_MS);
    if (status === 'late') {
      this.troubles.push(`${this.name}: did not stop after SIGTERM`);
      await this.kill();
    } else if (status !== 0 && !(isStarting && this.#child?.signalCode === 'SIGTERM'))
      this.troubles.push(`${this.name}: exit status ${String(status)} after SIGTERM`);
  }

  /** Stops its process without ending it, as a machine that is out of memory or suspended does. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals, limitMs = STOP_SLACK_MS): Promise<number | null | 'late'> {
    const child = this.#child;
    if (child === undefined || !isRunning(child)) return 0;
    this.#isAsked = true;
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = new AbortController();
    const tooLate = wait(limitMs, 'late' as const, { signal: late.signal }).catch(() => 'late' as const);
    const first = await Promise.race([exited, tooLate]);
    late.abort();
    return first === 'late' ? first : child.exitCode;
  }

  async #watch(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (this.#isAsked) return;
    this.troubles.push(`${this.name}: its daemon ended unasked (${signal ?? `status ${String(code)}`})`);
    await wait(AFTER_A_CRASH_MS);
    this.start();
  }
}

function isRunning(child: ChildProcess | undefined): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';

const STOP_LIMIT_MS = 20_000;
const TEXT_KEPT = 2000;

/** A process that a run has started. */
export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** Rejects, with the last it said on standard error, when it ends before `stop`. Never resolves. */
  readonly failed: Promise<never>;
  /** Resolves when it has ended by itself, with status 0; else rejects. */
  readonly ended: Promise<void>;
  /** SIGTERM, and SIGKILL to one that does not care. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Open a channel for messages. */
  readonly ipc?: boolean;
}

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Starts a program; nothing of it outlives this process. */
export function startChild(file: string, args: readonly string[], options: ChildOptions = {}): Child {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', ...(options.ipc === true ? ['ipc' as const] : [])];
  const child = spawn(file, args, {
    stdio,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    serialization: 'advanced',
  });
  living.add(child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-TEXT_KEPT);
  });
  let isStopping = false;
  const closed = once(child, 'close').finally(() => living.delete(child));
  const outcome = closed.then(() => {
    if (child.exitCode === 0) return;
    throw new Error(
      `${file} ended with ${child.exitCode ?? child.signalCode}: ${said.trim() || '(no words)'}`,
    );
  });
  const failed = new Promise<never>((_, reject) => {
    outcome.then(
      () => (isStopping ? undefined : reject(new Error(`${file} ended too early: ${said.trim()}`))),
      (error: Error) => (isStopping ? undefined : reject(error)),
    );
  });
  failed.catch(() => {});
  outcome.catch(() => {});
  return {
    pid: child.pid ?? 0,
    process: child,
    failed,
    ended: outcome,
    async stop() {
      isStopping = true;
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await closed.catch(() => {});
      clearTimeout(hard);
    },
  };
}

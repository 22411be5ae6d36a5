import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';

/** A program to start, with the whole of its environment. */
export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How a child ended; `not-started` carries the system's error code (`ENOENT`, `E2BIG`) if there is one. */
export type ChildExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly code: string | undefined; readonly message: string };

/** A child at the head of its own process group and session; `pid` is undefined when it could not be started. */
export interface Child {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the child itself is gone, whoever still holds its pipes. Never rejects. */
  readonly exit: Promise<ChildExit>;
}

/** Starts a program. Never throws: what went wrong is told by `exit`. */
export function startChild(command: ChildCommand): Child {
  const subprocess = execa(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    extendEnv: false,
    stdin: 'pipe',
    buffer: false,
    reject: false,
    killDescendants: true,
  });
  const exit = new Promise<ChildExit>((resolve) => {
    // execa's own promise waits for the pipes too, which an orphan may hold for ever: it only tells of a failed start.
    subprocess.nodeChildProcess.once('exit', (code, signal) => {
      resolve(code === null ? { kind: 'killed', signal: String(signal) } : { kind: 'exited', code });
    });
    const tellFailure = async () => {
      const { code, originalMessage, shortMessage } = await subprocess;
      if (subprocess.pid !== undefined) return;
      resolve({ kind: 'not-started', code, message: originalMessage ?? shortMessage ?? 'unknown error' });
    };
    tellFailure().catch((error: unknown) => {
      resolve({ kind: 'not-started', code: undefined, message: String(error) });
    });
  });
  return {
    pid: subprocess.pid,
    stdin: subprocess.stdin,
    stdout: subprocess.stdout,
    stderr: subprocess.stderr,
    exit,
  };
}

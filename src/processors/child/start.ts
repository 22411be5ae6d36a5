import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { openStdio } from './stdio.ts';
import type { StdioFolder } from './stdio-folder.ts';

/** A program to start, with the whole of its environment and what it reads. */
export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input: Uint8Array;
}

/** How a child ended. `isAlone`: it is known that nobody was left in its process group. */
export type ChildExit = (
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
) & { readonly isAlone?: boolean };

/** Nobody can know how it ended, or whether it has. */
export interface Lost {
  readonly kind: 'lost';
  readonly reason: string;
}

/** How a child ended, as far as that is known. */
export type ChildEnd = ChildExit | Lost;

/** A child at the head of its own process group and session, with standard streams of its own. */
export interface Child {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the child itself is gone, whoever still holds its pipes. Never rejects. */
  readonly exit: Promise<ChildEnd>;
}

/** A child that was over when it was first heard of, with all that was in its group or had its streams, and all it wrote. */
export interface BriefChild {
  readonly pid?: undefined;
  readonly exit: ChildExit;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Why nothing was started: the system's error code (`ENOENT`, `E2BIG`), if there is one, and its words. */
export interface NotStarted {
  readonly kind: 'not-started';
  readonly code: string | undefined;
  readonly message: string;
}

/** Starts a program, or says why it cannot; it may be lost while it is being started. Never rejects. */
export type StartChild = (
  command: ChildCommand,
  folder: StdioFolder,
) => Promise<Child | BriefChild | NotStarted | Lost>;

/** StartChild by Node itself. */
export async function spawnChild(command: ChildCommand, folder: StdioFolder): Promise<Child | NotStarted> {
  try {
    const { childEnds, closeChildEnds, ...streams } = await openStdio(folder, command.input);
    try {
      const subprocess = await spawnProgram(command, childEnds);
      return { ...streams, ...subprocess };
    } catch (error) {
      for (const stream of Object.values(streams)) stream.destroy();
      throw error;
    } finally {
      closeChildEnds();
    }
  } catch (error) {
    return notStarted(error);
  }
}

/** What the system's error means that has kept something from being started. */
export function notStarted(error: unknown): NotStarted {
  const { code, message } = error as NodeJS.ErrnoException;
  return { kind: 'not-started', code, message };
}

/**
 * Spawns a program with these file descriptors as its 0, 1, 2 and so on. Rejects with the system's error. By Node itself:
 * execa doubles the 1.1 ms for which each start blocks the loop, and takes no descriptors.
 */
export function spawnProgram(
  { file, args, cwd, env }: Omit<ChildCommand, 'input'>,
  childEnds: readonly number[],
): Promise<{ readonly pid: number; readonly exit: Promise<ChildExit> }> {
  return new Promise((resolve, reject) => {
    const subprocess: ChildProcess = spawn(file, args, { cwd, env, stdio: [...childEnds], detached: true });
    const exit = new Promise<ChildExit>((ended) => {
      subprocess.once('exit', (code, signal) => {
        ended(code === null ? { kind: 'killed', signal: String(signal) } : { kind: 'exited', code });
      });
    });
    subprocess.once('error', reject);
    const { pid } = subprocess;
    if (pid !== undefined) resolve({ pid, exit });
  });
}

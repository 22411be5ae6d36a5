import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { StdioFolder } from './stdio-folder.ts';

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/*
 * The standard streams of one child. Node would make sockets of them, which a script cannot open as /dev/stdin or
 * /dev/stderr, and which bash takes for a remote login. So stdin is a file, which is never full and never broken,
 * and the other two are named pipes. All are unlinked before the child starts.
 */
export interface Stdio {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The child's ends, in the order 0, 1, 2. */
  readonly childEnds: readonly [number, number, number];
  /** Closes our copies of the child's ends, once the child has its own. */
  readonly closeChildEnds: () => void;
}

/** Opens the streams of a child that reads `input`. Rejects with the system's error. */
export async function openStdio(folder: StdioFolder, input: Uint8Array): Promise<Stdio> {
  const opened: number[] = [];
  const open = (path: string, flags: number): number => {
    const end = openSync(path, flags);
    opened.push(end);
    return end;
  };
  try {
    const stdin = await openInput(folder.newPath(), input, open);
    const stdout = openPipe(await folder.takeFifo(), open);
    const stderr = openPipe(await folder.takeFifo(), open);
    const childEnds = [stdin, stdout.childEnd, stderr.childEnd] as const;
    return {
      stdout: new Socket({ fd: stdout.ourEnd, readable: true, writable: false }),
      stderr: new Socket({ fd: stderr.ourEnd, readable: true, writable: false }),
      childEnds,
      closeChildEnds: () => childEnds.forEach((end) => closeSync(end)),
    };
  } catch (error) {
    for (const end of opened) closeSync(end);
    throw error;
  }
}

type Open = (path: string, flags: number) => number;

async function openInput(path: string, input: Uint8Array, open: Open): Promise<number> {
  try {
    await writeFile(path, input, { mode: 0o600, flag: 'wx' });
    return open(path, O_RDONLY);
  } finally {
    rmSync(path, { force: true });
  }
}

// Opening one end waits for the other, unless it is opened not to wait, which the child's own end must not be.
function openPipe(path: string, open: Open): { readonly ourEnd: number; readonly childEnd: number } {
  try {
    const ourEnd = open(path, O_RDONLY | O_NONBLOCK);
    return { ourEnd, childEnd: open(path, O_WRONLY) };
  } finally {
    rmSync(path, { force: true });
  }
}

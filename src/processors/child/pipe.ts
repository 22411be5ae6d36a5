import { closeSync, constants, fchownSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Owner } from '../limits/identity.ts';
import { removeFile } from './remove-file.ts';
import type { StdioFolder } from './stdio-folder.ts';

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
const UNREAD_BYTES = 256;
/** So much a pipe holds (pipe(7)), unless a program has asked for more. */
const PIPE_BYTES = 64 * 1024;
/** What is read is copied from it at once. */
const buffer = Buffer.allocUnsafe(PIPE_BYTES);

/** A pipe between us and a child: our end as a stream, the child's as a descriptor, to be closed when the child has it. */
export interface Pipe {
  readonly ourEnd: Socket;
  readonly childEnd: number;
}

/** A pipe that a child reads from. */
export interface PipeToChild extends Pipe {
  /** The first bytes of what was written and not read. To be asked once, when the child has gone. Never throws. */
  readonly takeUnread: () => Buffer;
}

/*
 * Node would make sockets of them, which a script cannot open as /dev/stdout, and which bash takes for a remote login.
 * So they are named pipes, unlinked before the child starts. Opening one end waits for the other, unless it is opened
 * not to wait, which the child's own end must not be.
 */

/** A pipe that a child writes to. Rejects with the system's error. */
export async function openPipeFromChild(folder: StdioFolder): Promise<Pipe> {
  const [ourEnd, childEnd] = await openEnds(folder, [O_RDONLY | O_NONBLOCK, O_WRONLY]);
  return { ourEnd: streamOf(ourEnd), childEnd };
}

/**
 * Our end of a pipe that a process has made and writes to, where it has our end as this descriptor. It is given to
 * `owner`, if there is one. Throws the system's error.
 */
export function openPipeOf(pid: number, descriptor: number, owner: Owner | undefined): number {
  const fd = openSync(`/proc/${pid}/fd/${descriptor}`, O_RDONLY | O_NONBLOCK);
  try {
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Our end of a pipe that a process writes to, as a stream, in which `before` stands first. */
export function streamOf(end: number, before?: Buffer): Socket {
  const stream = new Socket({ fd: end, readable: true, writable: false });
  if (before !== undefined && before.length > 0) stream.unshift(before);
  return stream;
}

/** Reads by our end what is in a pipe. `isWhole`: nobody has it open to write more. Never throws. */
export function readWhole(end: number): { readonly bytes: Buffer; readonly isWhole: boolean } {
  const parts: Buffer[] = [];
  try {
    // At most twice: somebody may write without end.
    for (let turn = 0; turn < 2; turn += 1) {
      const length = readSync(end, buffer);
      if (length === 0) return { bytes: Buffer.concat(parts), isWhole: true };
      parts.push(Buffer.from(buffer.subarray(0, length)));
    }
  } catch {
    // EAGAIN: nothing is there now.
  }
  return { bytes: Buffer.concat(parts), isWhole: false };
}

/** A pipe that a child reads from. Rejects with the system's error. */
export async function openPipeToChild(folder: StdioFolder): Promise<PipeToChild> {
  const flags = [O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, O_RDONLY] as const;
  const [first, ourEnd, childEnd] = await openEnds(folder, flags);
  closeSync(first);
  const socket = new RequestSocket(ourEnd);
  return { ourEnd: socket, childEnd, takeUnread: () => socket.takeUnread() };
}

/** Looks what nobody has read before a failed write, which means that nobody will, closes our end and loses it. */
class RequestSocket extends Socket {
  readonly #end: number;
  #unread: Buffer = Buffer.alloc(0);

  constructor(end: number) {
    super({ fd: end, readable: false, writable: true });
    this.#end = end;
  }

  takeUnread(): Buffer {
    return this.destroyed ? this.#unread : readFromEnd(this.#end);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error !== null) this.#unread = readFromEnd(this.#end);
    super._destroy(error, done);
  }
}

/**
 * Opens one pipe once for each of `flags`, in this order. It becomes the child's when its name is gone: no other process
 * of that user comes by it.
 */
async function openEnds<Flags extends readonly number[]>(
  folder: StdioFolder,
  flags: readonly [...Flags],
): Promise<{ [End in keyof Flags]: number }> {
  const path = await folder.takeFifo();
  const opened: number[] = [];
  try {
    for (const how of flags) opened.push(openSync(path, how));
    removeFile(path);
    const [end] = opened;
    if (folder.owner !== undefined && end !== undefined) fchownSync(end, folder.owner.uid, folder.owner.gid);
    // One for each of the flags.
    return opened as { [End in keyof Flags]: number };
  } catch (error) {
    opened.forEach((end) => closeSync(end));
    removeFile(path);
    throw error;
  }
}

/** A pipe has no name any more, but the system can open it again by either of its ends. */
function readFromEnd(end: number): Buffer {
  const bytes = Buffer.alloc(UNREAD_BYTES);
  try {
    const otherEnd = openSync(`/proc/self/fd/${end}`, O_RDONLY | O_NONBLOCK);
    try {
      return bytes.subarray(0, readSync(otherEnd, bytes));
    } finally {
      closeSync(otherEnd);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

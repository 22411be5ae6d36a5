import { closeSync, constants, fchownSync, openSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { openPipeFromChild } from './pipe.ts';
import { removeFile } from './remove-file.ts';
import type { StdioFolder } from './stdio-folder.ts';

/** What is not larger is written sooner than another thread could be asked to. */
const LARGE_BYTES = 256 * 1024;

/** The standard streams of one child: stdin is a file, which is never full and never broken, the others are pipes. */
export interface Stdio {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The child's ends, in the order 0, 1, 2. */
  readonly childEnds: readonly [number, number, number];
  /** Closes our copies of the child's ends, once the child has its own. */
  readonly closeChildEnds: () => void;
}

/** Opens the streams of a child that reads `input`. Rejects with the system's error. */
export function openStdio(folder: StdioFolder, input: Uint8Array): Promise<Stdio> {
  return folder.attempt(() => openStreams(folder, input));
}

async function openStreams(folder: StdioFolder, input: Uint8Array): Promise<Stdio> {
  const undo: Array<() => void> = [];
  try {
    const stdin = await openInput(folder, input);
    undo.push(() => closeSync(stdin));
    const stdout = await openPipeFromChild(folder);
    undo.push(
      () => closeSync(stdout.childEnd),
      () => stdout.ourEnd.destroy(),
    );
    const stderr = await openPipeFromChild(folder);
    const childEnds = [stdin, stdout.childEnd, stderr.childEnd] as const;
    return {
      stdout: stdout.ourEnd,
      stderr: stderr.ourEnd,
      childEnds,
      closeChildEnds: () => childEnds.forEach((end) => closeSync(end)),
    };
  } catch (error) {
    for (const step of undo) step();
    throw error;
  }
}

/**
 * A file that holds `input`, without a name, open for reading. Rejects with the system's error. It becomes the child's when its
 * name is gone, so that nobody comes by it by that.
 */
export async function openInput(folder: StdioFolder, input: Uint8Array): Promise<number> {
  const path = folder.newPath();
  const file = await write(path, input);
  try {
    if (folder.owner !== undefined) fchownSync(file, folder.owner.uid, folder.owner.gid);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

async function write(path: string, input: Uint8Array): Promise<number> {
  const options = { mode: 0o600, flag: 'wx' } as const;
  try {
    if (input.length > LARGE_BYTES) await writeFile(path, input, options);
    else writeFileSync(path, input, options);
    return openSync(path, constants.O_RDONLY);
  } finally {
    removeFile(path);
  }
}

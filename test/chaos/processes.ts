import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process that has something to do with a folder. */
export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** All processes but our own that name a folder: in their command line, their environment or as the folder they work in. */
export async function processesOf(folder: string): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, environment, cwd] = await Promise.all([
        readOrEmpty(`/proc/${pid}/cmdline`),
        readOrEmpty(`/proc/${pid}/environ`),
        readlink(`/proc/${pid}/cwd`).catch(() => ''),
      ]);
      const isOfIt = [command, environment, cwd].some((text) => text.includes(folder));
      return isOfIt ? [{ pid: Number(pid), command: command.replaceAll('\0', ' ').trim() }] : [];
    }),
  );
  return found.flat();
}

// A process that is gone, a zombie or somebody else's has nothing to read.
function readOrEmpty(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

import { accessSync, constants } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { RunnerError } from '../../job/runner.ts';

/** Where they are, even if the PATH of a daemon has not all of it. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** The absolute path of a program of the system. */
export function findTool(name: string): string | undefined {
  const folders = [...FOLDERS, ...(process.env['PATH'] ?? '').split(':')];
  return folders
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .find(isProgram);
}

/** The same. Throws RunnerError when it is not there. */
export function requireTool(name: string, packageName = 'coreutils'): string {
  const found = findTool(name);
  if (found !== undefined) return found;
  throw new RunnerError(`there is no ${name}(1), which the limits need`, `install ${packageName}`);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

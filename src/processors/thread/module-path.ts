import { stat } from 'node:fs/promises';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RunnerError } from '../../job/runner.ts';

const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts'];

/** Where a module runner's function is. */
export interface ModulePath {
  /** A `file:` URL, or a package's name. */
  readonly specifier: string;
  /** URL of a file in the INI's folder: a package is looked up as that file would. */
  readonly parentUrl: string;
  readonly exportName: string;
}

/**
 * Reads `PATH[:EXPORT]`. A path that starts with `.` or `/`, or names a file in `directory`, is a file; anything else
 * is a package. Throws RunnerError for a file that is not there or is not JavaScript or TypeScript.
 */
export async function readModulePath(spec: string, directory: string): Promise<ModulePath> {
  const [, path = '', exportName = 'default'] =
    /^(.*?)(?::([\p{ID_Start}$_][\p{ID_Continue}$]*))?$/su.exec(spec.trim()) ?? [];
  if (path === '') throw new RunnerError('no path after module! (try module!./runner.ts)');
  const parentUrl = pathToFileURL(join(directory, 'rbit.ini')).href;
  const file = resolve(directory, path);
  const found = await stat(file).catch(() => undefined);
  const mustBeFile = isAbsolute(path) || path.startsWith('.');
  if (!mustBeFile && found?.isFile() !== true) {
    if (EXTENSIONS.includes(extname(path)) && !path.includes('/'))
      throw new RunnerError(`there is no file ${file}`);
    return { specifier: path, parentUrl, exportName };
  }
  if (found === undefined) throw new RunnerError(`there is no file ${file}`);
  if (!found.isFile()) throw new RunnerError(`${file} is not a file`);
  if (!EXTENSIONS.includes(extname(file))) {
    throw new RunnerError(`${file} is neither JavaScript nor TypeScript (${EXTENSIONS.join(' ')})`);
  }
  return { specifier: pathToFileURL(file).href, parentUrl, exportName };
}

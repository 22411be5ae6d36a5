import { stat } from 'node:fs/promises';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RunnerError } from '../../job/runner.ts';

const CHECK_PATH = "check the path; it starts at the INI file's folder";
/** No such file: a package is looked up as if this one imported it. */
export const LOOKED_UP_FROM = 'rbit.ini';
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
  if (path === '') throw new RunnerError('no path to a module', 'try ./runner.ts');
  const parentUrl = pathToFileURL(join(directory, LOOKED_UP_FROM)).href;
  const file = resolve(directory, path);
  const found = await stat(file).catch(() => undefined);
  const mustBeFile = isAbsolute(path) || path.startsWith('.');
  if (!mustBeFile && found?.isFile() !== true) {
    if (EXTENSIONS.includes(extname(path)) && !path.includes('/'))
      throw new RunnerError(`there is no file ${file}`, CHECK_PATH);
    return { specifier: path, parentUrl, exportName };
  }
  if (found === undefined) throw new RunnerError(`there is no file ${file}`, CHECK_PATH);
  if (!found.isFile()) throw new RunnerError(`${file} is not a file`, CHECK_PATH);
  if (!EXTENSIONS.includes(extname(file))) {
    throw new RunnerError(`${file} is neither JavaScript nor TypeScript`, `one of ${EXTENSIONS.join(' ')}`);
  }
  return { specifier: pathToFileURL(file).href, parentUrl, exportName };
}

import { dirname, join } from 'node:path';
import { RunnerError } from '../../job/runner.ts';
import { LOOKED_UP_FROM } from './module-path.ts';

/**
 * Why a module could not be loaded, with the fix where there is one. `directory` is the INI's. What comes from a thread
 * or a process is no more than text, and Node itself says more than it should: a package is missing in a folder, not in
 * the file that it was looked up for.
 */
export function explainLoading(error: RunnerError, directory: string): RunnerError {
  const { message } = error;
  const [, missing, hint] = /^(.*no function is exported as "[^"]*") \(it (.*)\)$/s.exec(message) ?? [];
  if (missing !== undefined) {
    const others = /^has (.*)$/s.exec(hint ?? '')?.[1];
    return new RunnerError(missing, others === undefined ? 'export a function' : `it has: ${others}`);
  }
  const [lookup = '', name = '', importer = ''] =
    /Cannot find package '([^']+)' imported from ([^\n]+)/.exec(message) ?? [];
  if (lookup !== '') {
    const isRunner = importer === join(directory, LOOKED_UP_FROM);
    const folder = isRunner ? directory : dirname(importer);
    const wanted = `Cannot find package '${name}'${isRunner ? '' : ` for ${importer}`}`;
    const told = message.replace(lookup, () => wanted);
    return new RunnerError(told, `npm install ${name} in ${folder}`);
  }
  if (/Cannot use import statement outside a module|Unexpected token 'export'/.test(message)) {
    const extension = /\.m?ts\b/.test(message) ? '.mts' : '.mjs';
    return new RunnerError(message, `name it ${extension} or set "type": "module" in its package.json`);
  }
  if (/is not defined in ES module scope/.test(message)) {
    const said = message.replace(/(is not defined in ES module scope).*$/s, '$1');
    return new RunnerError(said, 'write import and export, or name it .cjs');
  }
  return error;
}

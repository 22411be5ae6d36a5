import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { RunnerError } from '../../job/runner.ts';
import type { Account } from '../limits/account.ts';
import { findEvaluations } from './evaluation.ts';
import { type Placeholder, requireSetting } from './placeholders.ts';
import type { Word } from './words.ts';

/** Where a program is looked for, and who is to run it, if not the daemon. */
interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly account?: Account | undefined;
}

/**
 * The program of an `exec!` line, as an absolute path. Throws RunnerError, with all that is wrong: there is no such program, a
 * message would choose it, a placeholder names a setting that is not there, or its value would be run as code.
 */
export async function requireProgram(
  program: Word,
  args: readonly Word[],
  runner: { readonly name: string; readonly settings: Readonly<Record<string, string>> },
  place: Promise<Place>,
): Promise<string> {
  const used = [program, ...args].flatMap(({ parts }) => parts.filter((part) => typeof part !== 'string'));
  const chosen = program.parts.filter((part) => typeof part !== 'string' && part.kind !== 'setting');
  RunnerError.throwAll([
    ...chosen.map(chosenByMessage),
    ...(chosen.length > 0 ? [] : findEvaluations(asShellCommand([program, ...args]))),
    ...used.flatMap((placeholder) => requireSetting(placeholder, runner)),
  ]);
  const { settings } = runner;
  const name = program.parts
    .map((part) => (typeof part === 'string' ? part : part.kind === 'setting' ? settings[part.setting] : ''))
    .join('');
  return find(name, await place);
}

function chosenByMessage({ text }: Exclude<Word['parts'][number], string>): RunnerError {
  return new RunnerError(
    `${text} stands in the name of the program, which a message would choose`,
    'name the program, and hand the value over as an argument',
  );
}

/** The same words in a shell's language, for those who know what its commands do with their arguments. */
function asShellCommand(words: readonly Word[]): { text: string; placeholders: Placeholder[] } {
  const placeholders: Placeholder[] = [];
  const quoted = words.map(({ parts }) =>
    parts
      .map((part) =>
        typeof part === 'string'
          ? /^[\w./=:+-]*$/.test(part)
            ? part
            : `'${part.replaceAll("'", `'\\''`)}'`
          : `"\${RBIT_P${placeholders.push(part)}}"`,
      )
      .join(''),
  );
  return { text: quoted.join(' '), placeholders };
}

/** Where a program of this name would be: a path as it is, a name in each folder of PATH; both start from `cwd`. */
export function programPaths(name: string, { cwd, env }: Pick<Place, 'cwd' | 'env'>): string[] {
  if (name.includes('/')) return [resolve(cwd, name)];
  return (env['PATH'] ?? '').split(':').map((folder) => join(resolve(cwd, folder), name));
}

async function find(name: string, place: Place): Promise<string> {
  const paths = programPaths(name, place);
  const { account } = place;
  const problems = await Promise.all(paths.map(whyNotRunnable));
  const own = paths.find((_, index) => problems[index] === undefined);
  const found = account === undefined ? own : await account.findProgram(paths);
  if (found !== undefined) return found;
  if (account !== undefined && own !== undefined)
    throw new RunnerError(
      `${own} cannot be executed as ${account.name}`,
      'open it and the folders above it (chmod o+x), or install it for all users',
    );
  const [path = ''] = paths;
  const why = problems.find((problem) => problem !== undefined && problem !== 'there is no such file');
  if (!name.includes('/') && why === undefined)
    throw new RunnerError(`there is no program ${name} in PATH`, 'install it, or write its path');
  throw new RunnerError(
    `${name.includes('/') ? path : name}: ${why ?? problems[0] ?? ''}`,
    why === undefined
      ? 'check the path; it starts at cwd, the INI file’s folder by default'
      : 'chmod +x makes a program of it',
  );
}

async function whyNotRunnable(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'there is no such file';
  if (!found.isFile()) return 'is not a file';
  return access(path, constants.X_OK).then(
    () => undefined,
    () => 'is not executable',
  );
}

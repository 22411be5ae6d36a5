import { open, stat } from 'node:fs/promises';
import type { ChildCommand, NotStarted } from './start.ts';

/** Of a script's first line the kernel looks at no more. */
const LONGEST_FIRST_LINE = 256;

/**
 * The same, in words that name what is missing. The system names the program, also where it is the folder to start in that is not
 * there, or what a script names in its first line. Never rejects.
 */
export async function explainNoStart(
  problem: NotStarted,
  { file, cwd }: Pick<ChildCommand, 'file' | 'cwd'>,
): Promise<NotStarted> {
  if (problem.code !== 'ENOENT' && problem.code !== 'ENOTDIR') return problem;
  const message = (await whyNoFolder(cwd)) ?? (await whyNoInterpreter(file));
  return message === undefined ? problem : { ...problem, message };
}

async function whyNoFolder(cwd: string): Promise<string | undefined> {
  const found = await stat(cwd).catch(() => undefined);
  if (found === undefined) return `cwd ${cwd} is not there`;
  return found.isDirectory() ? undefined : `cwd ${cwd} is not a directory`;
}

async function whyNoInterpreter(file: string): Promise<string | undefined> {
  const [, interpreter = ''] = /^#![ \t]*([^ \t\n]+)/.exec(await readFirst(file)) ?? [];
  if (interpreter === '') return undefined;
  const why = `the interpreter in the first line of ${file} is not there: ${interpreter.trimEnd()}`;
  return interpreter.endsWith('\r') ? `${why} with a CR behind it (let its lines end in LF alone)` : why;
}

/** Empty when it cannot be read. */
async function readFirst(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_FIRST_LINE), 0, LONGEST_FIRST_LINE, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}

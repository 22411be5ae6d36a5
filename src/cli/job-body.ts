import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type Assignment, assign, parseAssignment } from './assignment.ts';
import { isContainer, parseExactly } from '../job/exact-json.ts';
import { UsageError } from './usage-error.ts';

/** The options that say what is in a job, as commander reads them. */
export interface JobBodyOptions {
  /** A file's path, or `-` for standard input. */
  readonly message?: string;
  /** Each `PATH=VALUE`, in the order in which they were written. */
  readonly set?: readonly string[];
}

export interface JobBody {
  readonly body: Buffer;
  readonly isJson: boolean;
}

/** Adds `--message` and `--set` to a command. */
export function addJobBodyOptions(command: Command): Command {
  return command
    .option('--message <file>', "the job's body: a JSON object in a file, or - for standard input")
    .option(
      '--set <path=value>',
      'a value in the body, on top of --message; JSON where it is JSON, else text (repeatable)',
      (written: string, before: string[] | undefined) => [...(before ?? []), written],
    );
}

/**
 * The body that the options ask for; `{}` when they ask for nothing. What `--message` names goes out byte for byte
 * unless `--set` changes it, and even then each number is as it was written. Throws UsageError.
 */
export async function readJobBody({ message, set = [] }: JobBodyOptions): Promise<JobBody> {
  const assignments = set.map(parseAssignment);
  const body = message === undefined ? Buffer.from('{}') : await readMessage(message);
  const parsed = parse(body);
  if (assignments.length === 0) return { body, isJson: parsed.ok };
  if (!parsed.ok)
    throw new UsageError(`--message ${message} is not JSON (${parsed.problem}): leave out --set, or mend it`);
  return { body: Buffer.from(JSON.stringify(withAssignments(parsed.value, assignments))), isJson: true };
}

function withAssignments(value: unknown, assignments: readonly Assignment[]): unknown {
  if (!isContainer(value)) throw new UsageError('--set needs a --message that is a JSON object');
  for (const assignment of assignments) assign(value, assignment);
  return value;
}

async function readMessage(path: string): Promise<Buffer> {
  try {
    return path === '-' ? await buffer(process.stdin) : await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`--message ${path}: ${WORDS[code] ?? code}`, { cause: error });
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file (check the path)',
  ENOTDIR: 'no such file (check the path)',
  EISDIR: 'is a folder (name a file in it)',
  EACCES: 'may not be read (check its owner and mode)',
};

function parse(body: Buffer): { ok: true; value: unknown } | { ok: false; problem: string } {
  if (!isUtf8(body)) return { ok: false, problem: 'not UTF-8' };
  try {
    return { ok: true, value: parseExactly(new TextDecoder().decode(body)) };
  } catch (error) {
    // V8 quotes the text itself in its message, of several lines if need be.
    return { ok: false, problem: body.length === 0 ? 'empty' : firstLine((error as Error).message) };
  }
}

function firstLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 100);
}

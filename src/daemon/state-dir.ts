import { constants } from 'node:fs';
import { access, lstat, stat, statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { queueSchema } from '../broker/embedded/schema.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';
import { journalFile } from '../journal/journal-file.ts';
import { journalSchema } from '../journal/record-table.ts';
import { checkFile, type FileProblem, tryFile } from '../sqlite/check-file.ts';
import type { DatabaseSchema } from '../sqlite/open-database.ts';
import { makeFolders } from './make-folders.ts';

/** Nobody but the owner: jobs carry what is nobody else's business. */
const MODE = 0o700;
/** Whoever may write to the folder may put another queue in the place of ours. */
const FOR_EVERYBODY = 0o002;

/** Path of the embedded broker's database. */
export function queueFile({ rbit }: Config): string {
  return join(rbit.stateDir, 'queue.sqlite');
}

/** Path of the database that keeps the jobs of runners with `ack = receipt`, when the queues are RabbitMQ's. */
export function receiptsFile({ rbit }: Config): string {
  return join(rbit.stateDir, 'receipts.sqlite');
}

/**
 * Makes the state folder and what a daemon keeps there. Throws ConfigError where a restart would not help; what may
 * be over soon (no room, somebody holds the file) is waited for by whoever uses it.
 */
export async function makeStateDir(config: Config): Promise<void> {
  const folder = config.rbit.stateDir;
  const wrong =
    (await whyUnmakeable(folder)) ?? (await makeFolder(folder)) ?? (await whyUnusable(config, tryFile));
  if (wrong !== undefined) throw new ConfigError([problemOf(config, wrong)], config);
}

/** What a daemon keeps in its state folder. */
function stateFiles(config: Config): [file: string, schema: DatabaseSchema][] {
  if (config.amqp === undefined) return [[queueFile(config), queueSchema]];
  const mapped = new Set(config.mappings.values());
  const hasReceipts = [...config.runners.values()].some(
    ({ name, ack }) => mapped.has(name) && ack === 'receipt',
  );
  return [
    [journalFile(config.rbit.stateDir), journalSchema],
    ...(hasReceipts ? ([[receiptsFile(config), queueSchema]] as const) : []),
  ] as [string, DatabaseSchema][];
}

/** As `makeStateDir`, by looking alone: what would be wrong, or undefined. */
export async function checkStateDir(config: Config): Promise<Problem | undefined> {
  const wrong = (await whyUnmakeable(config.rbit.stateDir)) ?? (await whyUnusable(config, checkFile));
  return wrong === undefined ? undefined : problemOf(config, wrong);
}

interface Wrong {
  readonly message: string;
  readonly fix: string;
}

async function makeFolder(folder: string): Promise<Wrong | undefined> {
  try {
    await makeFolders(folder, MODE);
    return undefined;
  } catch (error) {
    return cannotBe(`${folder} cannot be created: ${(error as NodeJS.ErrnoException).path}`, error);
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

/** Looks at the folder, or at the nearest one above it that is there: it has to be made in that one. */
async function whyUnmakeable(folder: string): Promise<Wrong | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const here = at === folder ? folder : `${folder} cannot be created: ${at}`;
    try {
      const found = await stat(at);
      if (!found.isDirectory())
        return { message: `${here} is not a folder`, fix: 'set state-dir to another folder' };
      if (at === folder && (found.mode & FOR_EVERYBODY) !== 0)
        return { message: `${here} may be written by everybody`, fix: `chmod o-w ${folder}` };
      await access(at, constants.W_OK | constants.X_OK);
      return TAKES_NOTHING.has((await statfs(at)).type) ? takesNothing(here) : undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' && (await isLink(at)))
        return { message: `${here} is a link that leads nowhere`, fix: 'set state-dir to another folder' };
      // ENOTDIR: a file is somewhere above, and will be found there.
      if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error)) || at === dirname(at)) return cannotBe(here, error);
    }
  }
}

/** proc, sysfs and devpts of Linux, where access says that root may write. */
const TAKES_NOTHING = new Set([0x9fa0, 0x62656572, 0x1cd1]);

const WRITABLE = 'set state-dir to a folder that may be written';

function takesNothing(what: string): Wrong {
  return { message: `${what} is on a file system that takes no folders`, fix: WRITABLE };
}

function cannotBe(what: string, error: unknown): Wrong {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return {
        message: `${what} may not be written by ${userName()}`,
        fix: `give it to ${userName()}, or ${WRITABLE}`,
      };
    case 'EROFS':
      return { message: `${what} is on a read-only file system`, fix: WRITABLE };
    // Of a folder whose parent is there.
    case 'ENOENT':
      return takesNothing(what);
    default:
      return { message: `${what}: ${codeOf(error)}`, fix: WRITABLE };
  }
}

const FIXES: Readonly<Record<Exclude<FileProblem['kind'], 'unavailable'>, string>> = {
  'not-a-database': 'move it away, or set state-dir to another folder',
  newer: 'update rbit-ts, or set state-dir to another folder',
  'not-writable': 'make it writable, or set state-dir to another folder',
};

async function whyUnusable(config: Config, look: typeof checkFile): Promise<Wrong | undefined> {
  for (const [file, schema] of stateFiles(config)) {
    const problem = await look(file, schema);
    if (problem === undefined || problem.kind === 'unavailable') continue;
    return { message: `${file}: ${problem.message}`, fix: FIXES[problem.kind] };
  }
  return undefined;
}

function problemOf({ rbit, files, secrets }: Config, { message, fix }: Wrong): Problem {
  const place = rbit.stateDirAt ?? { file: files[0] ?? 'rbit.ini' };
  return {
    ...place,
    section: 'rbit',
    key: 'state-dir',
    message: secrets.mask(message),
    fix: secrets.mask(fix),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user that only has a number, as in some containers.
    return `user ${process.getuid?.() ?? ''}`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

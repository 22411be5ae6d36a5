import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { checkQueueFile, type QueueFileProblem, tryQueueFile } from '../broker/embedded/inspect.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';

/** Nobody but the owner: jobs carry what is nobody else's business. */
const MODE = 0o700;

/** Path of the embedded broker's database. */
export function queueFile({ rbit }: Config): string {
  return join(rbit.stateDir, 'queue.sqlite');
}

/**
 * Makes the state folder and its queue if the embedded broker is to use them. Throws ConfigError where a restart would
 * not help; what may be over soon (no room, somebody holds the file) is waited for by the broker itself.
 */
export async function makeStateDir(config: Config): Promise<void> {
  if (config.amqp !== undefined) return;
  const folder = config.rbit.stateDir;
  const wrong =
    (await whyUnmakeable(folder)) ??
    (await makeFolder(folder)) ??
    whyNoQueue(config, await tryQueueFile(queueFile(config)));
  if (wrong !== undefined) throw new ConfigError([problemOf(config, wrong)], config);
}

/** As `makeStateDir`, by looking alone: what would be wrong, or undefined. */
export async function checkStateDir(config: Config): Promise<Problem | undefined> {
  if (config.amqp !== undefined) return undefined;
  const wrong =
    (await whyUnmakeable(config.rbit.stateDir)) ??
    whyNoQueue(config, await checkQueueFile(queueFile(config)));
  return wrong === undefined ? undefined : problemOf(config, wrong);
}

interface Wrong {
  readonly message: string;
  readonly fix: string;
}

async function makeFolder(folder: string): Promise<Wrong | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: MODE });
    return undefined;
  } catch (error) {
    return cannotBe(`${folder} cannot be created`, error);
  }
}

/** Looks at the folder, or at the nearest one above it that is there: it has to be made in that one. */
async function whyUnmakeable(folder: string): Promise<Wrong | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const here = at === folder ? folder : `${folder} cannot be created: ${at}`;
    try {
      if (!(await stat(at)).isDirectory())
        return { message: `${here} is not a folder`, fix: 'set state-dir to another folder' };
      await access(at, constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      // ENOTDIR: a file is somewhere above, and will be found there.
      if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error)) || at === dirname(at)) return cannotBe(here, error);
    }
  }
}

function cannotBe(what: string, error: unknown): Wrong {
  const fix = 'set state-dir to a folder that may be written';
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return {
        message: `${what} may not be written by ${userName()}`,
        fix: `give it to ${userName()}, or ${fix}`,
      };
    case 'EROFS':
      return { message: `${what} is on a read-only file system`, fix };
    default:
      return { message: `${what}: ${codeOf(error)}`, fix };
  }
}

const FIXES: Readonly<Record<Exclude<QueueFileProblem['kind'], 'unavailable'>, string>> = {
  'not-a-database': 'move it away, or set state-dir to another folder',
  newer: 'update rbit-ts, or set state-dir to another folder',
  'not-writable': 'make it writable, or set state-dir to another folder',
};

function whyNoQueue(config: Config, problem: QueueFileProblem | undefined): Wrong | undefined {
  if (problem === undefined || problem.kind === 'unavailable') return undefined;
  const message = `${queueFile(config)}: ${problem.message}`;
  return { message, fix: FIXES[problem.kind] };
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

import { RunnerError } from '../../job/runner.ts';
import type { Limits } from '../options.ts';
import { requireTool } from './tool.ts';

const LOOK_UP_LIMIT_MS = 10_000;

/** Who the processes of a runner are, in numbers. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** All that tells one user from another. */
export interface Identity {
  readonly owner: Owner;
  /** Every group it has, its own included; empty: only its own. */
  readonly groups: readonly number[];
  /** HOME, USER, LOGNAME and SHELL, where they differ from the daemon's. */
  readonly variables: Readonly<Record<string, string>>;
}

interface User {
  readonly uid: number;
  /** Undefined: a number that the system knows nothing of. */
  readonly entry:
    | { readonly name: string; readonly gid: number; readonly home: string; readonly shell: string }
    | undefined;
}

/**
 * Who `user` and `group` are, as the system knows them now. Undefined: the daemon itself. A group without a user is
 * the daemon's user in that group and no other. Throws RunnerError for names that nobody has, and when the daemon has
 * not the right to become somebody else.
 */
export async function findIdentity({ user, group }: Limits): Promise<Identity | undefined> {
  if (user === undefined && group === undefined) return undefined;
  const [found, gid] = await RunnerError.all([
    user === undefined ? undefined : findUser(user),
    group === undefined ? undefined : findGroup(group),
  ]);
  const isSelf = found === undefined || found.uid === process.geteuid?.();
  if (isSelf && (gid === undefined || (found === undefined && gid === process.getegid?.()))) return undefined;
  if (process.geteuid?.() !== 0) throw needsRoot(isSelf ? `group = ${group}` : `user = ${user}`);
  if (found === undefined) return { owner: { uid: 0, gid: gid ?? 0 }, groups: [], variables: {} };
  const { uid, entry } = found;
  const ownGid = gid ?? entry?.gid;
  if (ownGid === undefined) {
    throw new RunnerError(
      `user = ${user}: the system has no such user, so nobody knows its group`,
      'add group = …',
    );
  }
  return {
    owner: { uid, gid: ownGid },
    groups: entry === undefined ? [] : await findGroups(entry, ownGid),
    variables: isSelf ? {} : variablesOf(found),
  };
}

function needsRoot(line: string): RunnerError {
  return new RunnerError(
    `${line}: only root can run jobs as somebody else`,
    'start the daemon as root, or as who the jobs are to be, without this key',
  );
}

async function findUser(user: string): Promise<User> {
  const [name = '', , uid, gid, , home = '/', shell = '/bin/sh'] = await lookUp('passwd', user);
  if (uid !== undefined && gid !== undefined)
    return { uid: Number(uid), entry: { name, gid: Number(gid), home, shell } };
  if (isNumber(user)) return { uid: Number(user), entry: undefined };
  throw new RunnerError(
    `user = ${user}: there is no such user`,
    'useradd makes one, getent passwd lists those there are',
  );
}

async function findGroup(group: string): Promise<number> {
  const [, , gid] = await lookUp('group', group);
  if (gid !== undefined) return Number(gid);
  if (isNumber(group)) return Number(group);
  throw new RunnerError(
    `group = ${group}: there is no such group`,
    'groupadd makes one, getent group lists those there are',
  );
}

/** The numbers of users and groups; the greatest means "unchanged" to the system. */
function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff;
}

/** With a group other than the one it would have, the user is not in that one either: as systemd has it. */
async function findGroups({ name, gid }: { name: string; gid: number }, ownGid: number): Promise<number[]> {
  const { stdout } = await ask('id', ['-G', '--', name]);
  const groups = stdout.split(' ').map(Number).filter(Number.isInteger);
  return [...new Set([ownGid, ...groups.filter((group) => group !== gid)])];
}

function variablesOf({ uid, entry }: User): Record<string, string> {
  const { name, home, shell } = entry ?? { name: String(uid), home: '/', shell: '/bin/sh' };
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell === '' ? '/bin/sh' : shell };
}

/** The fields of a line of getent(1); none when there is no such line. */
async function lookUp(database: 'passwd' | 'group', name: string): Promise<string[]> {
  // What begins with a dash is an option.
  if (name.startsWith('-')) return [];
  const { stdout, exitCode } = await ask('getent', [database, name]);
  return exitCode === 0 ? stdout.trim().split(':') : [];
}

async function ask(tool: string, args: readonly string[]): Promise<{ stdout: string; exitCode: number }> {
  const { execa } = await import('execa');
  const { stdout, stderr, exitCode, shortMessage } = await execa(
    requireTool(tool, 'coreutils and libc-bin'),
    args,
    {
      stdin: 'ignore',
      reject: false,
      timeout: LOOK_UP_LIMIT_MS,
    },
  );
  if (exitCode === undefined)
    throw new RunnerError(`the system does not tell its users and groups: ${stderr || shortMessage}`);
  return { stdout, exitCode };
}

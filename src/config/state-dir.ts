import { userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Entry } from './ini.ts';
import { placeOf, type Report } from './report.ts';

/** A written `state-dir` as an absolute path: `~/` is the home folder, a relative one starts at its INI file. */
export function readStateDir(
  entry: Entry,
  value: string,
  environment: NodeJS.ProcessEnv,
  report: Report,
): string {
  const [, user, below] = /^~([^/]*)(.*)$/s.exec(value) ?? [];
  if (user !== undefined && user !== '')
    report.problem({
      ...placeOf(entry),
      message: `~${user} is not filled in`,
      fix: 'write ~/ for your own home folder, or the whole path',
    });
  // It would be a folder of that very name. ${HOME} is warned of like anywhere else.
  if (/^\$\w/.test(value))
    report.problem({
      ...placeOf(entry),
      message: 'a variable of the shell is not filled in',
      fix: 'write ~/ for your home folder, or ${env:NAME}',
    });
  return resolve(dirname(entry.file), below === undefined ? value : join(homeOf(environment), below));
}

/** Where state is kept when no `state-dir` is written: systemd's folder for a service, else one of the user's own. */
export function defaultStateDir(name: string, environment: NodeJS.ProcessEnv): string {
  // Several StateDirectory= of one unit are separated by colons.
  const given = (environment['STATE_DIRECTORY'] ?? '').split(':').find((path) => path !== '');
  if (given !== undefined) return resolve(given);
  const xdg = environment['XDG_STATE_HOME'] ?? '';
  // The XDG Base Directory Specification has relative paths ignored.
  const state = isAbsolute(xdg) ? xdg : join(homeOf(environment), '.local', 'state');
  return resolve(state, 'rbit-ts', folderName(name));
}

// Whatever the name of a daemon is, it names one visible folder.
function folderName(name: string): string {
  return encodeURIComponent(name).replace(/^\./, '%2E');
}

// Never a relative one: the state would be wherever the command is called.
function homeOf(environment: NodeJS.ProcessEnv): string {
  const home = environment['HOME'] ?? '';
  return isAbsolute(home) ? home : homeOfUser();
}

function homeOfUser(): string {
  try {
    return userInfo().homedir;
  } catch {
    // A user that only has a number has no home, and may hardly write here either: that is told with the folder's name.
    return '/';
  }
}

import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folderWith, load, problemsOf, withRbit } from './config-folder.ts';

async function stateDir(environment: NodeJS.ProcessEnv, ...lines: string[]): Promise<string> {
  return (await load(withRbit(...lines), environment)).rbit.stateDir;
}

describe('the state folder that is written', () => {
  it('starts at the file that names it, not at the first one', async () => {
    const folder = folderWith({
      'a.ini': `${withRbit('state-dir = a')}[include]\nfiles = sub/*.ini\n`,
      'sub/b.ini': '[rbit]\nstate-dir = ../var/b\n',
    });
    const { rbit } = await loadConfig([join(folder, 'a.ini')], {});
    expect(rbit.stateDir).toBe(join(folder, 'var/b'));
    expect(rbit.stateDirAt).toEqual({ file: join(folder, 'sub/b.ini'), line: 2 });
  });

  it.each([
    ['/var/lib/x', '/var/lib/x'],
    ['/var/lib/../x/', '/var/x'],
    ['~/state', '/home/ada/state'],
    ['~', '/home/ada'],
    ['${env:HOME}/x', '/home/ada/x'],
    ['/srv/~/x', '/srv/~/x'],
  ])('%s is %s', async (written, expected) => {
    expect(await stateDir({ HOME: '/home/ada', STATE_DIRECTORY: '/s' }, `state-dir = ${written}`)).toBe(
      expected,
    );
  });

  it.each([
    ['~bob/x', '~bob is not filled in (write ~/ for your own home folder, or the whole path)'],
    ['$HOME/x', 'a variable of the shell is not filled in (write ~/ for your home folder, or ${env:NAME})'],
  ])('%s, which only a shell would understand, is refused', async (written, expected) => {
    expect(await problemsOf(withRbit(`state-dir = ${written}`))).toEqual([
      `worker.ini:6: [rbit] state-dir: ${expected}`,
    ]);
  });
});

describe('the state folder that nobody names', () => {
  const HOME = '/home/ada';

  it.each([
    [
      'the folder that systemd made',
      { HOME, XDG_STATE_HOME: '/xdg', STATE_DIRECTORY: '/var/lib/r' },
      '/var/lib/r',
    ],
    ['the first of those that systemd made', { STATE_DIRECTORY: '/var/lib/r:/var/lib/s' }, '/var/lib/r'],
    ['below XDG_STATE_HOME', { HOME, XDG_STATE_HOME: '/xdg', STATE_DIRECTORY: '' }, '/xdg/rbit-ts/worker-1'],
    ['below the home folder', { HOME }, '/home/ada/.local/state/rbit-ts/worker-1'],
    [
      'below the home folder where XDG_STATE_HOME is empty',
      { HOME, XDG_STATE_HOME: '' },
      '/home/ada/.local/state/rbit-ts/worker-1',
    ],
    [
      'below the home folder where XDG_STATE_HOME is relative, as its specification wants it',
      { HOME, XDG_STATE_HOME: 'state' },
      '/home/ada/.local/state/rbit-ts/worker-1',
    ],
  ])('is %s', async (_, environment, expected) => {
    const config = await load(withRbit('name = worker-1'), environment);
    expect(config.rbit).toMatchObject({ stateDir: expected, stateDirAt: undefined });
  });

  it.each(['', '.', 'ada'])('does not depend on the current folder, even with HOME=%j', async (home) => {
    const mine = userInfo().homedir;
    expect(await stateDir({ HOME: home }, 'name = n')).toBe(`${mine}/.local/state/rbit-ts/n`);
    expect(await stateDir({ HOME: home }, 'state-dir = ~/x')).toBe(`${mine}/x`);
  });

  it.each([
    ['..', '%2E.'],
    ['.', '%2E'],
    ['../../etc', '%2E.%2F..%2Fetc'],
    ['/etc', '%2Fetc'],
    ['a/b', 'a%2Fb'],
    ['.hidden', '%2Ehidden'],
    ['büro 1', 'b%C3%BCro%201'],
  ])('a daemon named %s has one visible folder of its own', async (name, expected) => {
    expect(await stateDir({ XDG_STATE_HOME: '/xdg' }, `name = ${name}`)).toBe(`/xdg/rbit-ts/${expected}`);
  });
});

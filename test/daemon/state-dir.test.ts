import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { checkStateDir, makeStateDir, queueFile } from '../../src/daemon/state-dir.ts';

/** A configuration with one more line in `[rbit]`, beside other files. */
async function configWith(
  line: string,
  files: Readonly<Record<string, string>> = {},
): Promise<{ config: Config; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-state-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const ini = join(folder, 'worker.ini');
  writeFileSync(ini, `[runner:r]\nrunner = shell!true\n[rbit]\nqueue-mappings = q:r\n${line}\n`);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { config: await loadConfig([ini], { XDG_STATE_HOME: join(folder, 'xdg') }), folder };
}

/** What `makeStateDir` and `checkStateDir` say, which has to be the same line. */
async function problemOf(config: Config, folder: string): Promise<string> {
  const looked = await checkStateDir(config);
  const thrown: unknown = await makeStateDir(config).catch((error: unknown) => error);
  if (!(thrown instanceof ConfigError) || looked === undefined) throw thrown;
  expect(thrown.problems).toEqual([looked]);
  return formatProblem(looked, folder).replaceAll(`${folder}/`, '');
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the state folder', () => {
  it('is made for the embedded queue, for nobody but its owner', async () => {
    const { config, folder } = await configWith('name = n');
    await makeStateDir(config);
    expect(queueFile(config)).toBe(join(folder, 'xdg/rbit-ts/n/queue.sqlite'));
    expect([mode(config.rbit.stateDir), mode(queueFile(config))]).toEqual(['700', '600']);
    await makeStateDir(config);
  });

  it('is made for the journal with [amqp], and for the messages that are acknowledged on receipt', async () => {
    const { config, folder } = await configWith('name = n\n[amqp]');
    await makeStateDir(config);
    expect(readdirSync(join(folder, 'xdg/rbit-ts/n'))).toEqual(['journal.sqlite']);
    const receipts = await configWith('name = n\n[amqp]\n[runner:r]\nack = receipt');
    await makeStateDir(receipts.config);
    expect(readdirSync(receipts.config.rbit.stateDir)).toEqual(['journal.sqlite', 'receipts.sqlite']);
  });

  it('with [amqp] that holds something else than a journal is refused', async () => {
    const { config, folder } = await configWith('state-dir = mine\n[amqp]');
    mkdirSync(join(folder, 'mine'));
    writeFileSync(
      join(folder, 'mine', 'journal.sqlite'),
      'not a database, and longer than its header would be',
    );
    expect(await problemOf(config, folder)).toMatch(
      /journal\.sqlite: it is not a SQLite database \(move it away/,
    );
  });

  it('is not made by looking whether it can be', async () => {
    const { config, folder } = await configWith('state-dir = a/b/c');
    expect(await checkStateDir(config)).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['worker.ini']);
  });

  it('is not one that everybody may write', async () => {
    const { config, folder } = await configWith('state-dir = open');
    mkdirSync(join(folder, 'open'));
    chmodSync(join(folder, 'open'), 0o777);
    expect(await problemOf(config, folder)).toMatch(/open may be written by everybody \(chmod o-w .*open\)$/);
  });

  it('may be a link to a folder', async () => {
    const { config, folder } = await configWith('state-dir = link');
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync('elsewhere', join(folder, 'link'));
    await makeStateDir(config);
    expect(readdirSync(join(folder, 'elsewhere'))).toContain('queue.sqlite');
  });
});

describe('one line says why the state folder cannot be used', () => {
  it('a file is where it should be', async () => {
    const { config, folder } = await configWith('state-dir = state');
    writeFileSync(join(folder, 'state'), '');
    expect(await problemOf(config, folder)).toBe(
      'worker.ini:5: [rbit] state-dir: state is not a folder (set state-dir to another folder)',
    );
  });

  it('a file is above it', async () => {
    const { config, folder } = await configWith('state-dir = state/of/mine');
    writeFileSync(join(folder, 'state'), '');
    expect(await problemOf(config, folder)).toBe(
      'worker.ini:5: [rbit] state-dir: state/of/mine cannot be created: state is not a folder (set state-dir to another folder)',
    );
  });

  it.each(['link', 'link/below'])('a link leads to what is not there: %s', async (written) => {
    const { config, folder } = await configWith(`state-dir = ${written}`);
    symlinkSync('nowhere', join(folder, 'link'));
    const created = written === 'link' ? '' : `${written} cannot be created: `;
    expect(await problemOf(config, folder)).toBe(
      `worker.ini:5: [rbit] state-dir: ${created}link is a link that leads nowhere (set state-dir to another folder)`,
    );
  });

  it.runIf(process.getuid?.() === 0)('its file system takes no folders (needs root)', async () => {
    const { config, folder } = await configWith('state-dir = /proc/rbit/state');
    expect(await problemOf(config, folder)).toBe(
      'worker.ini:5: [rbit] state-dir: /proc/rbit/state cannot be created: /proc is on a file system that takes no folders (set state-dir to a folder that may be written)',
    );
  });

  it('a link leads to itself', async () => {
    const { config, folder } = await configWith('state-dir = link');
    symlinkSync('link', join(folder, 'link'));
    expect(await problemOf(config, folder)).toBe(
      'worker.ini:5: [rbit] state-dir: link: ELOOP (set state-dir to a folder that may be written)',
    );
  });

  it('its file is no database; without the key it names the file that could have it', async () => {
    const { config, folder } = await configWith('name = n');
    mkdirSync(config.rbit.stateDir, { recursive: true });
    writeFileSync(queueFile(config), 'once upon a time '.repeat(100));
    expect(await problemOf(config, folder)).toBe(
      'worker.ini: [rbit] state-dir: xdg/rbit-ts/n/queue.sqlite: it is not a SQLite database (move it away, or set state-dir to another folder)',
    );
  });

  it('without a secret that is part of it', async () => {
    const { config, folder } = await configWith('state-dir = ${file:token}', { token: 'a-secret-place' });
    writeFileSync(join(folder, 'a-secret-place'), '');
    expect(await problemOf(config, folder)).toBe(
      'worker.ini:5: [rbit] state-dir: *** is not a folder (set state-dir to another folder)',
    );
  });
});

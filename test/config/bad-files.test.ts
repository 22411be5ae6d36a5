import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig } from '../../src/config/load.ts';
import { badFiles } from './bad-files.ts';
import { folderWith, problemsOf, problemsOfFiles } from './config-folder.ts';

describe('a bad file is told by one line with file, line, section, key and fix', () => {
  it.each(badFiles)('$name', async ({ text, expected }) => {
    const problems = await problemsOf(text);
    expect(problems.filter((line) => expected.test(line))).toHaveLength(1);
  });

  it.each(badFiles.filter(({ name }) => name !== 'an empty file'))(
    '$name: and nothing else is said',
    async ({ text }) => {
      expect(await problemsOf(text)).toHaveLength(1);
    },
  );
});

/** The runners that are sound in a configuration that cannot be used. */
async function soundRunners(text: string): Promise<string[]> {
  const folder = folderWith({ 'worker.ini': text });
  const error: unknown = await loadConfig([join(folder, 'worker.ini')], {}).catch(
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw error;
  return [...(error.sound?.runners.keys() ?? [])];
}

describe('a configuration that cannot be used has its sound runners', () => {
  const start = '[rbit]\nqueue-mappings = a:a\nlog-level = loud\n[amqp]\n';
  const section = (name: string, ...lines: string[]): string =>
    [`[runner:${name}]`, 'runner = shell!true', ...lines, ''].join('\n');

  it('without those that have a problem of their own which says how they start', async () => {
    const text =
      section('a') +
      section('b', 'cwd = nowhere') +
      section('c', 'junk') +
      section('d', 'x = y') +
      section('e', 'x = ${env:NOT_SET_ANYWHERE}') +
      section('f', 'env.1 = x') +
      section('g', 'isolation = x');
    expect(await soundRunners(start + text)).toEqual(['a', 'd']);
  });

  it('with those that have another, told of a default as well', async () => {
    const text = section('a', 'timeout = x') + section('b', 'memory = x', 'redact = [') + section('c');
    expect(await soundRunners(`${start}${text}[DEFAULT]\nretries = x\n`)).toEqual(['a', 'b', 'c']);
  });

  it('without those whose processor has a problem', async () => {
    const own = '[runner:e]\nrunner = own!x\n[processor:own]\n[processor:shell]\nmodule = ./x.ts\n';
    expect(await soundRunners(start + section('a') + own)).toEqual(['a']);
  });

  it('without those that inherit a problem', async () => {
    const text = section('a') + section('b', 'x = y') + '[DEFAULT]\nx = ${env:NOT_SET_ANYWHERE}\n';
    expect(await soundRunners(start + text)).toEqual(['b']);
  });
});

describe('all problems are told at once', () => {
  it('in the order of the files and lines', async () => {
    const problems = await problemsOf(
      '[rbit]\nqueue-mappings = q:x\nlog-level = loud\n[amqp]\nport = x\n[runner:r]\n',
    );
    expect(problems.map((line) => line.split(' ')[0])).toEqual([
      'worker.ini:2:',
      'worker.ini:3:',
      'worker.ini:5:',
      'worker.ini:6:',
    ]);
  });

  it('also for files that cannot be read', async () => {
    const folder = folderWith({ 'sub/x': '' });
    writeFileSync(join(folder, 'latin1.ini'), Buffer.from('[rbit]\nname = caf\xe9\n', 'latin1'));
    const paths = ['missing.ini', 'sub', 'latin1.ini'].map((name) => join(folder, name));
    expect(await problemsOfFiles(paths, folder)).toEqual([
      'missing.ini: no such file (check the path)',
      'sub: is a directory (name a file in it)',
      'latin1.ini:2: not UTF-8 text (save it as UTF-8)',
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('a file that may not be read (not told apart as root)', async () => {
    const folder = folderWith({});
    writeFileSync(join(folder, 'worker.ini'), '', { mode: 0o000 });
    expect(await problemsOfFiles([join(folder, 'worker.ini')], folder)).toEqual([
      'worker.ini: may not be read (check its owner and mode)',
    ]);
  });

  it('with relative paths as they were given', async () => {
    await expect(loadConfig(['test/nowhere.ini'], {})).rejects.toThrow(/^test\/nowhere\.ini: no such file/);
  });

  it('once for a [DEFAULT] value that several sections inherit, at its own line', async () => {
    const text =
      '[DEFAULT]\ntimeout = soon\n[rbit]\nqueue-mappings = a:a b:b\n[amqp]\n[runner:a]\nrunner = shell!a\n[runner:b]\nrunner = shell!b\n';
    expect(await problemsOf(text)).toEqual([
      'worker.ini:2: [DEFAULT] timeout = "soon": not a duration (try 10s, 10m, 2h)',
    ]);
  });

  it('on one line each, whatever the file holds', async () => {
    const problems = await problemsOf('[\u001b[31mred]\nx = 1\n');
    expect(problems.join()).not.toContain('\u001b');
  });
});

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folderWith, problemsOf, problemsOfFiles, withRbit } from './config-folder.ts';

describe('several files', () => {
  it('later ones override earlier ones key by key', async () => {
    const folder = folderWith({
      'a.ini':
        '[rbit]\nqueue-mappings = q:r\nlog-level = warn\n[amqp]\nhost = a\nport = 1\n[runner:r]\nrunner = shell!a\ntimeout = 1m\nx = 1\n',
      'sub/b.ini': '[amqp]\nhost = b\n[runner:r]\nrunner = shell!b\nx = 2\n[DEFAULT]\nretries = 7\n',
    });
    const paths = [join(folder, 'a.ini'), join(folder, 'sub/b.ini')];
    const config = await loadConfig(paths, {});
    expect(config.files).toEqual(paths);
    expect(config.amqp?.urls).toMatchObject([{ hostname: 'b', port: 1 }]);
    expect(config.rbit.logLevel).toBe('warn');
    expect(config.runners.get('r')).toMatchObject({
      spec: 'b',
      timeoutMs: 60_000,
      retries: 7,
      settings: { x: '2' },
      at: { file: join(folder, 'sub/b.ini'), line: 4 },
      directory: join(folder, 'sub'),
    });
  });

  it('includes are read after the file that names them, sorted, from its folder, and may include', async () => {
    const folder = folderWith({
      'etc/worker.ini':
        '[include]\nfiles = conf.d/{20,10,folder}*.ini\n  # old.ini\n  last.conf none.d/*.ini\n[rbit]\nqueue-mappings = q:r\nname = worker\n[amqp]\nhost = worker\n[runner:r]\nrunner = shell!worker\nx = worker\n',
      'etc/conf.d/20.ini': '[amqp]\nhost = 20\n[runner:r]\nx = 20\ny = 20\n',
      'etc/conf.d/10.ini': '[include]\nfiles = more/x.conf\n[amqp]\nhost = 10\n[runner:r]\nx = 10\nz = 10\n',
      'etc/conf.d/more/x.conf': '[runner:r]\nz = deep\nrunner = shell!deep\n',
      'etc/conf.d/readme.txt': 'not an INI file',
      'etc/conf.d/folder.ini/x': '',
      'etc/last.conf': '[rbit]\nname = last\n',
    });
    const config = await loadConfig([join(folder, 'etc/worker.ini')], {});
    expect(config.files.map((file) => file.slice(folder.length + 1))).toEqual([
      'etc/worker.ini',
      'etc/conf.d/10.ini',
      'etc/conf.d/more/x.conf',
      'etc/conf.d/20.ini',
      'etc/last.conf',
    ]);
    expect(config.rbit.name).toBe('last');
    expect(config.amqp?.urls).toMatchObject([{ hostname: '20' }]);
    expect(config.runners.get('r')).toMatchObject({
      spec: 'deep',
      directory: join(folder, 'etc/conf.d/more'),
      settings: { x: '20', y: '20', z: 'deep' },
    });
  });

  it('an included file adds its mappings, and may change one; the next file that is named replaces them all', async () => {
    const runner = (name: string): string => `[runner:${name}]\nrunner = shell!true\n`;
    const folder = folderWith({
      'a.ini': `[rbit]\nqueue-mappings = a:r b:r\n[amqp]\n[include]\nfiles = conf.d/*\n${runner('r')}`,
      'conf.d/new.ini': `[rbit]\nqueue-mappings = new:n\n${runner('n')}`,
      'conf.d/other.ini': '[rbit]\nqueue-mappings =\n    b:n\n    c:n\n',
      'last.ini': '[rbit]\nqueue-mappings = only:r\n',
      'wrong.ini': '[rbit]\nqueue-mappings = x:nobody\n',
    });
    const load = async (...names: string[]): Promise<unknown> =>
      Object.fromEntries(
        (
          await loadConfig(
            names.map((name) => join(folder, name)),
            {},
          )
        ).mappings,
      );
    expect(await load('a.ini')).toEqual({ a: 'r', b: 'n', c: 'n', new: 'n' });
    expect(await load('a.ini', 'last.ini')).toEqual({ only: 'r' });
    expect(await problemsOfFiles([join(folder, 'a.ini'), join(folder, 'wrong.ini')], folder)).toEqual([
      'wrong.ini:2: [rbit] queue-mappings = "x:nobody": there is no [runner:nobody] (add that section)',
    ]);
  });

  it('a file that includes itself by a way round is told', async () => {
    const folder = folderWith({
      'a.ini': '[include]\nfiles = sub/b.ini\n',
      'sub/b.ini': '[include]\nfiles = ../*.ini\n',
    });
    expect(await problemsOfFiles([join(folder, 'a.ini')], folder)).toEqual([
      expect.stringMatching(
        /^sub\/b\.ini:2: \[include\] files: .*a\.ini would include itself \(.*conf\.d\/\*\.ini\)$/,
      ),
    ]);
  });

  it('a problem in an included file names that file', async () => {
    const folder = folderWith({
      'a.ini': withRbit('[include]', 'files = conf.d/*'),
      'conf.d/b': '[runner:r]\ntimeout = soon\n',
    });
    expect(await problemsOfFiles([join(folder, 'a.ini')], folder)).toEqual([
      'conf.d/b:2: [runner:r] timeout = "soon": not a duration (try 10s, 10m, 2h)',
    ]);
  });

  it('a link that leads to itself is told, not a crash', async () => {
    const folder = folderWith({ 'a.ini': withRbit('[include]', 'files = *.conf') });
    symlinkSync('loop.conf', join(folder, 'loop.conf'));
    expect(await problemsOfFiles([join(folder, 'a.ini')], folder)).toEqual([
      'a.ini:7: [include] files: loop.conf: cannot be read: ELOOP (check the path)',
    ]);
  });

  it('no pattern is a crash', async () => {
    for (const pattern of [
      '[',
      '{',
      '[]',
      '*{',
      '**',
      '[!',
      '{a,b}{',
      `${'x'.repeat(300)}*`,
      '../*nowhere*',
      '\\*',
      '?(',
      '+(a)*',
    ])
      expect(await problemsOf(withRbit('[include]', `files = none.d/${pattern}`)), pattern).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { RunnerConfig } from '../../src/config/config.ts';
import { load, problemsOf, warningsOf, withRunner } from './config-folder.ts';

async function runner(...lines: string[]): Promise<RunnerConfig | undefined> {
  return (await load(withRunner(...lines), {}, { 'work/x': '' })).runners.get('r');
}

async function warnings(...lines: string[]): Promise<string[]> {
  return warningsOf(await load(withRunner(...lines)));
}

describe('a runner section', () => {
  it('has every key in its own type', async () => {
    expect(
      await runner(
        'concurrency = 4',
        'timeout = none',
        'kill-grace = 500ms',
        'blocked-delay = 1s..1m',
        'blocked-limit = 3',
        'retries = 2',
        'retry-delay = 5s',
        'keep-failed = yes',
        'body = any',
        'required = dynamic.cart parameters.package',
        'cwd = work',
        'output = off',
        'success-codes = 0, 3',
        'blocked-codes =',
        'unavailable-codes = 127',
      ),
    ).toMatchObject({
      concurrency: 4,
      timeoutMs: undefined,
      killGraceMs: 500,
      blockedDelay: { minMs: 1000, maxMs: 60_000 },
      blockedLimit: 3,
      retries: 2,
      retryDelay: { minMs: 5000, maxMs: 5000 },
      keepFailed: true,
      body: 'any',
      required: ['dynamic.cart', 'parameters.package'],
      cwd: expect.stringMatching(/^\/.*\/work$/),
      output: false,
      successCodes: [0, 3],
      blockedCodes: [],
      unavailableCodes: [127],
      settings: {},
    });
  });

  it('has variables, with the case of their names, and settings, in lower case', async () => {
    expect(
      await runner('env.http_proxy = a', 'ENV.HTTP_PROXY = b', 'Output-Dir = c', 'a.b = d', '__proto__ = e'),
    ).toMatchObject({
      env: { http_proxy: 'a', HTTP_PROXY: 'b' },
      settings: Object.fromEntries([
        ['output-dir', 'c'],
        ['a.b', 'd'],
        ['__proto__', 'e'],
      ]),
    });
  });

  it('begins its command after the first "!", and leaves it alone', async () => {
    const config = await load(
      withRunner('runner = shell! echo "a!b" ; echo ${HOME} ${env:HOME} $${x} ; # y'),
    );
    expect(config.runners.get('r')?.spec).toBe(' echo "a!b" ; echo ${HOME} ${env:HOME} $${x} ; # y');
  });

  it('may begin its command on the next line', async () => {
    expect(await runner('runner =', '  shell!true', '  false')).toMatchObject({
      processor: 'shell',
      spec: 'true\nfalse',
    });
  });

  it('is checked even if no queue is mapped to it', async () => {
    expect(await problemsOf(withRunner('[runner:other]', 'runner = shell!true', 'retries = x'))).toHaveLength(
      1,
    );
  });

  it('refuses a variable that no process can be given', async () => {
    expect(await problemsOf(withRunner(`env.BIG = ${'x'.repeat(131_068)}`))).toEqual([
      'worker.ini:6: [runner:r] env.BIG: longer than 128 KiB (put it in a file)',
    ]);
    expect(await problemsOf(withRunner(`env.BIG = ${'x'.repeat(131_067)}`))).toEqual([]);
  });
});

describe('a setting that looks like a misspelt key gets a warning', () => {
  it.each([
    ['timout', 'timeout'],
    ['time-out', 'timeout'],
    ['timeout_', 'timeout'],
    ['timoeut', 'timeout'],
    ['concurency', 'concurrency'],
    ['success_codes', 'success-codes'],
    ['keepfailed', 'keep-failed'],
    ['retry', undefined],
    ['output-dir', undefined],
    ['host', undefined],
    ['path', undefined],
    ['users', undefined],
    ['groups', undefined],
    ['env_path', 'env.NAME'],
  ])('%s: %s', async (key, meant) => {
    expect(await warnings(`${key} = x`)).toEqual(
      meant === undefined
        ? []
        : [
            `worker.ini:6: [runner:r] ${key}: taken as a setting of the runner's own; it looks like ${meant} (did you mean ${meant}?)`,
          ],
    );
  });
});

describe('what is likely a comment gets a warning', () => {
  it.each(['subject = hello ; not cut', 'env.X = a ;b'])('%s', async (line) => {
    const [key] = line.split(' ');
    expect(await warnings(line)).toEqual([
      `worker.ini:6: [runner:r] ${key}: what follows " ;" is part of the value (if it is a comment, move it to a line of its own)`,
    ]);
  });

  it.each(['subject = a;b', 'subject = a # b', 'subject = a\n  b ; c'])('%j is none', async (line) => {
    expect(await warnings(line)).toEqual([]);
  });
});

describe('a " ;" where the original would have cut a runner\'s line gets a warning', () => {
  it.each([
    'shell!echo ; true',
    'shell!echo "it\'s" ;true',
    'shell!echo \\" ; true',
    'shell!echo a!b\t; # c',
    'module!./x.ts ; y',
  ])('%j', async (line) => {
    expect(await warnings(`runner = ${line}`)).toEqual([
      'worker.ini:6: [runner:r] runner: what follows " ;" is part of the line (if it is a comment, move it to a line of its own; a shell\'s own ; needs no space before it)',
    ]);
  });

  it.each([
    'shell!echo; true',
    'shell!echo; true ; false',
    'shell!echo "a ; b"',
    "shell!echo 'a ; b'",
    'shell!echo "a \\" ; b"',
    'shell!case a in a) true ;; esac',
    'shell!echo\n  a ; b',
    '\n  shell!echo ; b',
  ])('%j gets none', async (line) => {
    expect(await warnings(`runner = ${line}`)).toEqual([]);
  });
});

it('a runner that no queue is mapped to gets a warning', async () => {
  expect(await warnings('[runner:other]', 'runner = shell!true')).toEqual([
    'worker.ini:6: [runner:other]: no queue is mapped to this runner (add QUEUE:other to queue-mappings)',
  ]);
});

it('keys that the processor does not heed get a warning, unless they come from [DEFAULT]', async () => {
  expect(await warnings('threads = 1')).toEqual([
    'worker.ini:6: [runner:r] threads: has no effect with shell! (remove it)',
  ]);
  expect(await warnings('[DEFAULT]', 'threads = 1')).toEqual([]);
  expect(await warnings('runner = module!./x.ts', 'cwd = .')).toEqual([
    'worker.ini:7: [runner:r] cwd: has no effect with module! (remove it)',
  ]);
  expect(await warnings('runner = module!./x.ts', 'threads = 2')).toEqual([
    'worker.ini:7: [runner:r] threads: more threads than jobs at once (concurrency is 1) (that many are enough)',
  ]);
});

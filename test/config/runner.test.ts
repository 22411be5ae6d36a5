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
    ['groups', 'group'],
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
  expect(await warnings('threads = 5')).toEqual([
    'worker.ini:6: [runner:r] threads: has no effect with shell! (remove it)',
  ]);
  expect(await warnings('[DEFAULT]', 'threads = 1')).toEqual([]);
  expect(await warnings('runner = module!./x.ts', 'cwd = .')).toEqual([
    'worker.ini:7: [runner:r] cwd: has no effect with module! with isolation = thread (remove it)',
  ]);
  expect(await warnings('runner = module!./x.ts', 'isolation = process', 'cwd = .', 'nice = 5')).toEqual([]);
  expect(await warnings('runner = module!./x.ts', 'threads = 2')).toEqual([
    'worker.ini:7: [runner:r] threads: more threads than jobs at once (concurrency is 1) (that many are enough)',
  ]);
});

describe('a key that somebody relies on is an error where it cannot be kept', () => {
  it.each([
    ['user = nobody', 'user', 'module! with isolation = thread (remove it, or set isolation = process)'],
    ['group = nogroup', 'group', 'module! with isolation = thread (remove it, or set isolation = process)'],
    [
      'memory = 1G\nisolation = none',
      'memory',
      'module! with isolation = none (remove it, or set isolation = process)',
    ],
  ])('%j', async (lines, key, words) => {
    expect(await problemsOf(withRunner('runner = module!./x.ts', lines))).toEqual([
      `worker.ini:7: [runner:r] ${key}: has no effect with ${words}`,
    ]);
  });

  it('also when it is said for all runners', async () => {
    expect(await problemsOf(withRunner('runner = module!./x.ts', '[DEFAULT]', 'group = nogroup'))).toEqual([
      'worker.ini:8: [DEFAULT] group: has no effect with module! with isolation = thread, in [runner:r] (write group = there, with nothing after it, or set isolation = process)',
    ]);
  });

  it('unless the processor is unknown: then nobody can say what it does with its keys', async () => {
    const keys = ['user = nobody', 'memory = 1G', 'threads = 2'];
    expect(await problemsOf(withRunner('runner = shel!true', ...keys))).toEqual([
      expect.stringContaining('unknown processor shel (did you mean shell?'),
    ]);
    expect(await problemsOf(withRunner('runner = true', ...keys))).toEqual([
      expect.stringContaining('no "!" in it'),
    ]);
  });

  it('unless the runner undoes it with an empty value', async () => {
    const lines = [
      'runner = module!./x.ts',
      'group =',
      'memory =',
      '[DEFAULT]',
      'group = nogroup',
      'memory = 1G',
    ];
    expect(await runner(...lines)).toMatchObject({ group: undefined, memory: undefined });
  });

  it('a variable that happens to be empty undoes nothing', async () => {
    const text = withRunner('group = ${env:JOBS_GROUP}', '[DEFAULT]', 'group = nogroup');
    expect(await problemsOf(text, { JOBS_GROUP: '' })).toEqual([
      'worker.ini:6: [runner:r] group = "${env:JOBS_GROUP}": empty (write something after "=", or remove it)',
    ]);
  });
});

describe("a key of ours in a Python runner's section", () => {
  const section = ['runner = python!m:f', 'user = nobody', 'retries = 3', 'db-user = x'];
  const hint = "taken as rbit-ts's own key (a setting of your own needs another name, here and in the .py)";

  it('is warned of in a configuration that was written for the original', async () => {
    expect(await warnings(...section, '[loggers]')).toEqual([
      `worker.ini:7: [runner:r] user: ${hint}`,
      `worker.ini:8: [runner:r] retries: ${hint}`,
      expect.stringContaining("Python's logging") as string,
    ]);
  });

  it('is nothing odd elsewhere', async () => {
    expect(await warnings(...section)).toEqual([]);
    expect(await warnings('retries = 3', '[loggers]')).toHaveLength(1);
  });
});

describe('a processor of the user’s own', () => {
  const own = (...lines: string[]): Promise<string[]> => problemsOf(withRunner('runner = own!x', ...lines));

  it('that has no module is told once', async () => {
    expect(await own('[processor:own]')).toEqual([
      'worker.ini:7: [processor:own] module: missing (add module = ./FILE.ts)',
    ]);
  });

  it('whose name cannot be used is not among those that are known', async () => {
    expect(await own('[processor:shell]', 'module = ./x.ts', '[processor:a!b]', 'module = ./x.ts')).toEqual([
      expect.stringContaining('(known: shell, exec, module, coprocess, python)') as string,
      expect.stringContaining('[processor:shell]: shell! is there already') as string,
      expect.stringContaining('[processor:a!b]: a name with "!"') as string,
    ]);
  });

  it('that no runner uses gets a warning', async () => {
    expect(await warnings('[processor:own]', 'module = ./x.ts')).toEqual([
      'worker.ini:6: [processor:own]: no runner uses it, so its module is not loaded (write runner = own!SPEC in a [runner:NAME])',
    ]);
  });
});

describe('sizes and expressions', () => {
  it('are bytes, and what a regular expression matches', async () => {
    const found = await runner('memory = 1G', 'max-output = 64 KiB', 'redact = key=\\S+', '  \\b\\d{16}\\b');
    expect(found).toMatchObject({ memory: 2 ** 30, maxOutput: 65_536 });
    expect(found?.redact.map(String)).toEqual(['/key=\\S+/gm', '/\\b\\d{16}\\b/gm']);
    expect((await runner('max-output = none'))?.maxOutput).toBeUndefined();
  });

  it.each(['(?:[a-z0-9]+){17}=', '(?=a)b', '(?<!a)b', String.raw`(a)\1`, String.raw`(?<x>a)\k<x>`])(
    'the expression %s is refused, since a text could make it slow',
    async (pattern) => {
      expect(await problemsOf(withRunner(`redact = ${pattern}`))).toEqual([
        expect.stringContaining('can be made to take for ever') as string,
      ]);
    },
  );

  it('an expression cannot be made slow by a text', async () => {
    const found = await runner('redact = (a+)+$', '  (?:[a-z0-9]+){16}=', '  (.*a){12}$');
    const start = performance.now();
    for (const pattern of found?.redact ?? []) `${'a'.repeat(60)}b`.replace(pattern, '***');
    expect(found?.redact).toHaveLength(3);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { connect } from 'amqplib';
import { describe, expect, it } from 'vitest';
import { badFiles } from '../config/bad-files.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function rbitTs(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; node?: string[]; uid?: number; gid?: number } = {},
): Promise<Result> {
  const { cwd, uid, gid } = options;
  const env = { ...process.env, ...options.env };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...(options.node ?? []), CLI, ...args],
      { cwd, uid, gid, env, timeout: 30_000 },
      (error, stdout, stderr) => {
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          stdout,
          stderr,
        });
      },
    );
  });
}

/** Who may not write what this process writes: for root somebody else, for anybody else itself, if the mode says so. */
const isRoot = process.getuid?.() === 0;
const NOBODY = isRoot ? { uid: 65_534, gid: 65_534 } : {};
const nobodyMayRun = spawnSync(process.execPath, [CLI, '--version'], NOBODY).status === 0;

const AMQP = '[amqp]\nhost = localhost\n';

describe('a bad configuration ends with 78 and one line that says where, what and how to mend it', () => {
  // What each of them is told is bad-files.test.ts; that the command says so and how it ends is one path for all.
  it.concurrent.each(badFiles.filter((_, index) => index % 8 === 0))('$name', async ({ text, expected }) => {
    const { ini, remove } = await makeProject(text);
    const { code, stdout, stderr } = await rbitTs([ini]);
    expect({ code, stdout }).toStrictEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(expected);
    await remove();
  });

  it.concurrent.each([
    ['a module that is not there', 'module!./none.ts', /worker\.ini:4: \[runner:r\] runner: .*none\.ts/],
    [
      'a module that does not load',
      'module!./broken.mjs',
      /worker\.ini:4: \[runner:r\] runner: .*broken\.mjs/,
    ],
    ['an export that is not there', 'module!./fine.mjs:other', /worker\.ini:4: \[runner:r\] runner: .*other/],
    [
      'an export that is no function',
      'module!./fine.mjs:number',
      /worker\.ini:4: \[runner:r\] runner: .*number/,
    ],
    [
      'a package that is not there',
      'module!no-such-package',
      /worker\.ini:4: \[runner:r\] runner: .*no-such-package/,
    ],
    ['a shell syntax error', "shell!echo 'open", /worker\.ini:4: \[runner:r\] runner: /],
    ['an open placeholder', 'shell!echo %{parameters', /worker\.ini:4: \[runner:r\] runner: /],
    ['a placeholder in backticks', 'shell!echo `echo %ID`', /worker\.ini:4: \[runner:r\] runner: .*\$\(/],
    ['a placeholder in arithmetic', 'shell!echo $((%{n} + 1))', /worker\.ini:4: \[runner:r\] runner: /],
  ])('%s', async (_, line, expected) => {
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = ${line}\n${AMQP}`,
      {
        'fine.mjs': 'export default () => {}; export const number = 1;',
        'broken.mjs': 'export default (',
      },
    );
    for (const command of ['run', 'check']) {
      const { code, stderr } = await rbitTs([command, ini]);
      expect({ code, stderr }).toMatchObject({ code: 78, stderr: expect.stringMatching(expected) });
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    await remove();
  });

  it('says every mistake of a file at once, and starts nothing', async () => {
    const { ini, remove } = await makeProject(
      '[rbit]\nqueue-mappings = q:one p:two\nlog-levl = info\n[runner:one]\nrunner = shell!touch started\ntimeout = 10x\n[amqp]\nhots = h\n',
    );
    const { code, stderr } = await rbitTs([ini]);
    expect(code).toBe(78);
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.replace(`${dirname(ini)}/`, '')),
    ).toStrictEqual([
      expect.stringMatching(/^worker\.ini:2: .*two/),
      expect.stringMatching(/^worker\.ini:3: .*log-levl.*log-level/),
      expect.stringMatching(
        /^worker\.ini:6: \[runner:one\] timeout = "10x": not a duration \(try 10s, 10m, 2h/,
      ),
      expect.stringMatching(/^worker\.ini:8: .*hots.*host/),
    ]);
    await remove();
  });
});

describe('the problems of runners', () => {
  const TEXT = [
    '[rbit]',
    'queue-mappings = a:a b:b c:c',
    'log-level = loud',
    '[runner:a]',
    'runner = module!./none.ts',
    '[runner:b]',
    'runner = shell!echo %{ `echo %{x}` %{settings.colour}',
    '[runner:c]',
    'runner = shell!echo %{',
    'timeout = 10x',
    '[runner:unmapped]',
    'runner = shell!if true',
    '[amqp]',
    'port = x',
  ];
  const lines = (stderr: string): string[] =>
    stderr
      .trim()
      .split('\n')
      .map((line) => line.replace(/^.*?worker\.ini:/, ''));

  it('are told together with those of the files, in the order of the lines', async () => {
    const { ini, remove } = await makeProject(`${TEXT.join('\n')}\n`);
    for (const command of ['run', 'check']) {
      const { code, stdout, stderr } = await rbitTs([command, ini]);
      expect({ code, stdout }).toStrictEqual({ code: 78, stdout: '' });
      const odd =
        '11: [runner:unmapped]: no queue is mapped to this runner (add QUEUE:unmapped to queue-mappings)';
      expect(lines(stderr)).toStrictEqual([
        expect.stringMatching(/^3: \[rbit\] log-level = "loud"/),
        expect.stringMatching(
          /^5: \[runner:a\] runner: there is no file .*none\.ts \(check the path; it starts at the INI file's folder\)$/,
        ),
        expect.stringMatching(
          /^7: \[runner:b\] runner: %\{ .* is not a placeholder .*; %\{x\} stands in backticks.*; %\{settings\.colour\}: .*\(add colour = … to \[runner:b\]\)$/,
        ),
        expect.stringMatching(/^9: \[runner:c\] runner: %\{ is not a placeholder/),
        expect.stringMatching(/^10: \[runner:c\] timeout = "10x"/),
        ...(command === 'check' ? [odd] : []),
        expect.stringMatching(/^12: \[runner:unmapped\] runner: the shell refuses the command: /),
        expect.stringMatching(/^14: \[amqp\] port = "x"/),
      ]);
    }
    await remove();
  });

  it('are told all at once of one runner, whichever of its keys are wrong', async () => {
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = q:r\n${AMQP}[runner:r]\nrunner = shell!echo "oops\ntimeout = 10x\nuser = nosuchuser\ngroup = nosuchgroup\n`,
    );
    const { code, stderr } = await rbitTs(['check', ini]);
    expect(code).toBe(78);
    expect(lines(stderr)).toStrictEqual([
      expect.stringMatching(
        /^6: \[runner:r\] runner: the shell refuses the command: .*; user = nosuchuser: there is no such user .*; group = nosuchgroup: there is no such group .*$/,
      ),
      expect.stringMatching(/^7: \[runner:r\] timeout = "10x"/),
    ]);
    await remove();
  });

  it('are looked for by check also where no queue is mapped to the runner', async () => {
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = q:r\n${AMQP}[runner:r]\nrunner = shell!true\n[runner:other]\nrunner = shell!echo %{\n`,
    );
    const { code, stderr } = await rbitTs(['check', ini]);
    expect(code).toBe(78);
    expect(lines(stderr)).toStrictEqual([
      '7: [runner:other]: no queue is mapped to this runner (add QUEUE:other to queue-mappings)',
      '8: [runner:other] runner: %{ is not a placeholder (try %{parameters.name}, or %%{ for the characters themselves)',
    ]);
    await remove();
  });

  it.concurrent.each([
    ['module!./fine.mjs:other', 'no function is exported as "other" \\(it has: default\\)'],
    ['module!./empty.mjs', 'no function is exported as "default" \\(export a function\\)'],
    [
      'module!no-such-package',
      "Cannot find package 'no-such-package' \\(npm install no-such-package in [^ ]*\\)",
    ],
    [
      'module!./imports.mjs',
      "Cannot find package 'no-such' for [^ ]*imports\\.mjs \\(npm install no-such in [^ ]*\\)",
    ],
    [
      'module!./esm.ts',
      'Cannot use import statement outside a module \\(name it \\.mts or set "type": "module" in its package\\.json\\)',
      'commonjs',
    ],
    [
      'module!./cjs.js',
      'is not defined in ES module scope \\(write import and export, or name it \\.cjs\\)',
      'module',
    ],
    ['shell!echo %{settings.x}', 'the runner has no setting "x" \\(add x = … to \\[runner:r\\]\\)'],
    ["shell!echo 'open", 'the shell refuses the command: [^(]*nterminated[^(]* \\(.*\\)'],
  ])('%s is told on one line, with its fix', async (line, expected, type = 'module') => {
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = ${line}\n${AMQP}`,
      {
        'fine.mjs': 'export default () => {};',
        'empty.mjs': 'export const x = 1;',
        'imports.mjs': 'import "no-such"; export default () => {};',
        'package.json': JSON.stringify({ type }),
        'esm.ts': 'import fs from "node:fs"; export default () => fs;',
        'cjs.js': 'module.exports = () => {};',
      },
    );
    const { code, stderr } = await rbitTs(['check', ini]);
    expect(code).toBe(78);
    expect(stderr).toMatch(
      new RegExp(`^[^\\n]*worker\\.ini:4: \\[runner:r\\] runner: [^\\n]*${expected}\\n$`),
    );
    expect(stderr).not.toContain('rbit.ini');
    await remove();
  });
});

describe('check', () => {
  it('prints what would run, and needs no broker', async () => {
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = pdf.jobs:pdf mail:mail\n${AMQP}[runner:pdf]\nrunner = shell!true\ntimeout = 90s\n[runner:mail]\nrunner = module!./mail.ts\nconcurrency = 4\ntimeout = none\n`,
      { 'mail.ts': 'export default async (): Promise<void> => {};' },
    );
    const { code, stdout, stderr } = await rbitTs(['check', ini]);
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      [
        'queue     runner  processor  concurrency  timeout',
        'pdf.jobs  pdf     shell      1            90s',
        'mail      mail    module     4            none',
        '',
        'queues: RabbitMQ, amqp://localhost:5672',
        '',
      ].join('\n'),
    );
    await remove();
  });

  it('prints warnings, and still passes', async () => {
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = q:r\n${AMQP}[runner:r]\nrunner = shell!true\ntimout = 5m\n`,
    );
    const { code, stderr } = await rbitTs(['check', ini]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*worker\.ini:7: \[runner:r\] timout.*timeout/);
    await remove();
  });

  it.each([
    ['in the files', 'runner = shell!true\nretries = x', /^worker\.ini:6: \[runner:r\] retries = "x"/],
    [
      'of a runner',
      'retries = 1\nrunner = module!./missing.ts',
      /^worker\.ini:6: \[runner:r\] runner: there is no file/,
    ],
  ])('prints warnings beside a mistake %s, in the order of the lines', async (_, lines, told) => {
    const { ini, dir, remove } = await makeProject(
      `[rbit]\nqueue-mappings = q:r\n[runner:r]\ntimout = 5m\n${lines}\n[runner:unmapped]\nrunner = shell!true\n`,
    );
    const { code, stderr } = await rbitTs(['check', ini]);
    expect(code).toBe(78);
    expect(stderr.replaceAll(`${dir}/`, '').trim().split('\n')).toStrictEqual([
      expect.stringMatching(/^warning: worker\.ini:4: \[runner:r\] timout/),
      expect.stringMatching(told),
      expect.stringMatching(/^warning: worker\.ini:7: \[runner:unmapped\]: no queue/),
    ]);
    await remove();
  });

  it('finds ./rbit.ini, else ~/.rbit.ini', async () => {
    const { dir, remove } = await makeProject('');
    const text = (name: string): string =>
      `[rbit]\nqueue-mappings = ${name}:r\n${AMQP}[runner:r]\nrunner = shell!true\n`;
    const home = join(dir, 'home');
    await mkdir(home);
    await writeFile(join(home, '.rbit.ini'), text('of-home'));
    const options = { cwd: dir, env: { HOME: home } };
    expect((await rbitTs(['check'], options)).stdout).toMatch(/of-home/);
    await writeFile(join(dir, 'rbit.ini'), text('of-here'));
    expect((await rbitTs(['check'], options)).stdout).toMatch(/of-here/);
    await remove();
  });

  it('--connect asks the broker about each queue and changes nothing there', async () => {
    const url = await amqpUrl();
    const tag = randomUUID().slice(0, 8);
    const connection = await connect(url);
    const channel = await connection.createChannel();
    await channel.assertQueue(`there.${tag}`, { arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue(`there.${tag}`, Buffer.from('x'));
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = there.${tag}:r missing.${tag}:r\n[amqp]\nurl = ${url}\n[runner:r]\nrunner = shell!true\ntimeout = 40m\n`,
    );
    const { code, stdout, stderr } = await rbitTs(['check', ini, '--connect']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/RabbitMQ \d/);
    expect(stdout).toMatch(new RegExp(`there\\.${tag} +yes +quorum +[01] +0 `));
    expect(stdout).toMatch(new RegExp(`missing\\.${tag} +no `));
    expect(stderr).toMatch(/does not exist yet; the daemon will create it/);
    expect(stderr).toMatch(/timeout = 40m of runner r is not below the acknowledgement timeout of 30m/);
    await expect(async () => {
      const probe = await connection.createChannel();
      probe.on('error', () => {});
      await probe.checkQueue(`missing.${tag}`);
    }).rejects.toThrow(/NOT_FOUND/);
    await channel.deleteQueue(`there.${tag}`);
    await connection.close();
    await remove();
  }, 300_000);

  it.each([
    ['passive', 'output = yes', 69, /error: exchange (\S+) does not exist, and may not be created/],
    ['no', 'output = no\nnotify = yes', 69, /error: exchange (\S+) does not exist, and may not be created/],
    ['if-missing', 'output = yes', 0, /note: exchange (\S+) does not exist yet; the daemon will create it/],
    ['passive', 'output = no', 0, /^(?!.*does not exist)/s],
  ])(
    '--connect with declare = %s says whether an exchange is missing that is of use: %j',
    async (declare, keys, exitCode, expected) => {
      const url = await amqpUrl();
      const queue = `exchange.${randomUUID().slice(0, 8)}`;
      const connection = await connect(url);
      const channel = await connection.createChannel();
      await channel.assertQueue(queue);
      const { ini, remove } = await makeProject(
        `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${url}\nexchange = ${queue}.x\ndeclare = ${declare}\n[runner:r]\nrunner = shell!true\n${keys}\n`,
      );
      const { code, stderr } = await rbitTs(['check', ini, '--connect']);
      expect({ code, stderr }).toEqual({ code: exitCode, stderr: expect.stringMatching(expected) });
      await channel.deleteQueue(queue);
      await connection.close();
      await remove();
    },
  );

  it('--connect ends with 69 where a queue is a stream', async () => {
    const url = await amqpUrl();
    const queue = `stream.${randomUUID().slice(0, 8)}`;
    const connection = await connect(url);
    const channel = await connection.createChannel();
    await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'stream' } });
    const { ini, remove } = await makeProject(
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\nurl = ${url}\n[runner:r]\nrunner = shell!true\n`,
    );
    const { code, stderr } = await rbitTs(['check', ini, '--connect']);
    expect(code).toBe(69);
    expect(stderr).toMatch(`error: queue ${queue} is a stream`);
    await channel.deleteQueue(queue);
    await connection.close();
    await remove();
  });

  it('--connect ends with 69 and no password in sight when the broker cannot be used', async () => {
    const url = new URL(await amqpUrl());
    url.password = 'wrong-password-1';
    for (const at of [url.href, 'amqp://u:secret-word@127.0.0.1:1/']) {
      const { ini, remove } = await makeProject(
        `[rbit]\nqueue-mappings = q:r\n[amqp]\nurl = ${at}\n[runner:r]\nrunner = shell!true\n`,
      );
      const { code, stdout, stderr } = await rbitTs(['check', ini, '--connect']);
      expect(code).toBe(69);
      expect(stderr).toMatch(/^error: /);
      expect(stdout + stderr).not.toMatch(/wrong-password-1|secret-word/);
      await remove();
    }
  }, 300_000);
});

const EMBEDDED = '[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[runner:r]\nrunner = shell!true\n';

describe('without [amqp]', () => {
  it('check says where the queues will be, and makes nothing', async () => {
    const { dir, ini, remove } = await makeProject(EMBEDDED);
    for (const args of [
      ['check', ini],
      ['check', ini, '--connect'],
    ]) {
      const { code, stdout, stderr } = await rbitTs(args);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining(`\nqueues: embedded, in ${dir}/state/queue.sqlite\n`),
      });
      const note = 'note: nothing is there yet; the daemon will create it\n';
      expect(stderr).toBe(args.includes('--connect') ? note : '');
    }
    expect(await readdir(dir)).toEqual(['worker.ini']);
    await remove();
  });

  it('run makes the queue, says where, and check --connect looks into it, running or not', async () => {
    const { dir, ini, remove } = await makeProject(`${EMBEDDED}[queue:q]\ndead-letter = morgue\n`);
    const daemon = await new TestDaemon([ini]).consuming('q');
    expect(daemon.log[0]?.msg).toMatch(/worker\.ini; queues: embedded, in .*\/state\/queue\.sqlite$/);
    const look = async (): Promise<string | undefined> => {
      const { code, stdout, stderr } = await rbitTs(['check', ini, '--connect']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return /^queue {2}exists.*/ms.exec(stdout)?.[0];
    };
    const expected = [
      'queue  exists  messages  delayed  delivered  dead letters',
      'q      yes     0         0        0          0 in morgue',
      '',
    ].join('\n');
    expect(await look()).toBe(expected);
    expect(await daemon.stop()).toBe(0);
    const left = await readdir(join(dir, 'state'));
    expect(await look()).toBe(expected);
    expect(await readdir(join(dir, 'state'))).toEqual(left);
    await remove();
  });

  it.each([
    ['is a file', (dir: string) => writeFile(join(dir, 'state'), ''), 'state is not a folder \\(.*\\)'],
    [
      'has a queue that is no database',
      async (dir: string) => {
        await mkdir(join(dir, 'state'));
        await writeFile(join(dir, 'state/queue.sqlite'), 'once upon a time '.repeat(100));
      },
      'queue\\.sqlite: it is not a SQLite database \\(.*\\)',
    ],
  ])(
    'a state folder that %s is one line and 78, for run and check, before anything runs',
    async (_, spoil, expected) => {
      const { dir, ini, remove } = await makeProject(EMBEDDED.replace('shell!true', 'module!./loaded.mjs'), {
        'loaded.mjs': 'process.stdout.write("loaded"); export default () => {};',
      });
      await spoil(dir);
      for (const command of ['run', 'check', 'check --connect']) {
        const { code, stderr } = await rbitTs([...command.split(' '), ini]);
        expect(code).toBe(78);
        expect(stderr).toMatch(
          new RegExp(`^[^\\n]*worker\\.ini:3: \\[rbit\\] state-dir: [^\\n]*${expected}\\n$`),
        );
      }
      await remove();
    },
  );

  it('what is wrong with the state folder and with the runners is told together', async () => {
    const { dir, ini, remove } = await makeProject(EMBEDDED.replace('shell!true', 'module!./none.ts'));
    await writeFile(join(dir, 'state'), '');
    for (const command of ['run', 'check']) {
      const { code, stderr } = await rbitTs([command, ini]);
      expect(code).toBe(78);
      expect(stderr.trim().split('\n')).toEqual([
        expect.stringMatching(/worker\.ini:3: \[rbit\] state-dir: /),
        expect.stringMatching(/worker\.ini:5: \[runner:r\] runner: /),
      ]);
    }
    await remove();
  });

  it.skipIf(!nobodyMayRun)(
    'what this user may not write is told by its name (needs a user other than root who can run Node)',
    async () => {
      const { dir, ini, remove } = await makeProject(EMBEDDED);
      const state = join(dir, 'state');
      await chmod(dir, 0o555);
      const line = async (command: string): Promise<string> => {
        const { code, stderr } = await rbitTs([command, ini], NOBODY);
        expect(code).toBe(78);
        return stderr.replaceAll(dir, '.');
      };
      const USER = '\\S+';
      const created = new RegExp(
        `^./worker.ini:3: \\[rbit\\] state-dir: ./state cannot be created: . may not be written by ${USER} \\(give it to ${USER}, or set state-dir to a folder that may be written\\)\\n$`,
      );
      for (const command of ['run', 'check']) expect(await line(command)).toMatch(created);

      await chmod(dir, 0o755);
      await mkdir(state, { mode: 0o555 });
      const written = new RegExp(`state-dir: ./state may not be written by ${USER} \\(`);
      for (const command of ['run', 'check']) expect(await line(command)).toMatch(written);

      await chmod(state, 0o755);
      await writeFile(join(state, 'queue.sqlite'), '', { mode: 0o444 });
      if (isRoot) await chown(state, 65_534, 65_534);
      const file =
        /state-dir: .\/state\/queue\.sqlite: it may not be read and written \(make it writable, or /;
      for (const command of ['run', 'check']) expect(await line(command)).toMatch(file);
      await remove();
    },
  );
});

describe('the command line', () => {
  it('explains itself: help with an example for every command', async () => {
    const { code, stdout } = await rbitTs(['--help']);
    expect(code).toBe(0);
    for (const word of ['run', 'check', 'Examples:', '/etc/rbit/rbit.ini']) expect(stdout).toContain(word);
    const commands = ['run', 'check', 'try', 'submit', 'dead', 'init'];
    const parts = ['list', 'show', 'retry', 'drop'].map((part) => ['dead', part]);
    for (const command of [...commands.map((one) => [one]), ...parts]) {
      expect((await rbitTs([...command, '--help'])).stdout, command.join(' ')).toMatch(/Example/);
    }
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect((await rbitTs(['--version'])).stdout).toBe(`${version}\n`);
  });

  it.each([
    ['check --conect', "unknown option '--conect' (did you mean --connect?)"],
    ['try x --wait', "unknown option '--wait' (see rbit-ts try --help)"],
    ['-z', "unknown option '-z' (see rbit-ts run --help)"],
    ['try', "missing required argument 'runner' (see rbit-ts try --help)"],
    ['dead list', "missing required argument 'queue' (see rbit-ts dead list --help)"],
    ['dead lsit q', "unknown command 'lsit' (did you mean list?)"],
    [
      'status x',
      "too many arguments for 'status'. Expected 0 arguments but got 1: x (see rbit-ts status --help)",
    ],
    [
      'submit q --count x',
      "option '--count <n>' argument 'x' is invalid. not a whole number (1 to 10000000)",
    ],
  ])('wrong use is one line with the fix: %s', async (line, said) => {
    expect(await rbitTs(line.split(' '))).toStrictEqual({ code: 64, stdout: '', stderr: `error: ${said}\n` });
  });

  it('says in one line that a file is not there', async () => {
    const { code, stderr } = await rbitTs(['nowhere.ini']);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^nowhere\.ini: no such file.*\n$/);
  });

  it.each([
    [['sumbit', 'q', '--set', 'a=b'], 'submit'],
    [['chekc'], 'check'],
  ])('a CONFIG that is not there but nearly a command: %j', async (args, meant) => {
    expect(await rbitTs(args)).toStrictEqual({
      code: 78,
      stdout: '',
      stderr: `${args[0]}: no such file (did you mean the command ${meant}?)\n`,
    });
  });

  it.each(['--help', 'check rbit.example.ini', 'init', 'try hello', 'submit hello'])(
    'a standard output that cannot be written is one line and 74: %s',
    async (args) => {
      const { dir, remove } = await makeProject('');
      await rbitTs(['init', dir]);
      const config = /^(?:try|submit)/.test(args) ? `-c '${dir}/rbit.ini' --set parameters.name=Ada` : '';
      const line = `'${process.execPath}' '${CLI}' ${args} ${args === 'init' ? `'${dir}/new'` : config}`;
      const { status, stderr } = spawnSync('sh', ['-c', `${line} >/dev/full`], { encoding: 'utf8' });
      expect({ status, stderr }).toStrictEqual({
        status: 74,
        stderr: expect.stringMatching(
          args.startsWith('submit')
            ? /^interrupted: job [\da-f-]{36} is on queue hello\nnote: nobody works .*\nerror: .*no space is left on the device\n$/
            : /^(?:interrupted: .*\n)?error: standard output cannot be written: no space is left on the device\n$/,
        ),
      });
      await remove();
    },
  );

  it.each(['--help', 'check rbit.example.ini', 'init'])(
    'a reader that has gone is told to nobody: %s is 141',
    async (args) => {
      const { dir, remove } = await makeProject('');
      const words = [...args.split(' '), ...(args === 'init' ? [dir] : [])];
      const child = spawn(process.execPath, [CLI, ...words]);
      child.stdout.destroy();
      const [stderr] = await Promise.all([textOf(child.stderr), once(child, 'close')]);
      expect({ code: child.exitCode, stderr }).toStrictEqual({ code: 141, stderr: '' });
      await remove();
    },
  );

  it('says in one line that Node is too old, before anything else', async () => {
    const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.19.0"})';
    const { code, stdout, stderr } = await rbitTs(['--version'], { node: ['--import', old] });
    expect({ code, stdout }).toStrictEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(/^rbit-ts needs Node\.js 22\.\d+\.\d+ or newer, and this is 20\.19\.0: .*\n$/);
  });
});

import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { linesOf } from './submit-project.ts';

const SECRET = { env: { PIN: '67108864' } };

let project: Awaited<ReturnType<typeof makeProject>>;

beforeAll(async () => {
  const runners = ['holding', 'exiting', 'throwing', 'rejecting', 'numbers', 'chatty'];
  project = await makeProject(
    `[DEFAULT]
pin = \${env:PIN}
[rbit]
queue-mappings = ${runners.map((name) => `${name}:${name}`).join(' ')} own:own
[processor:own]
module = ./own.mjs
[runner:own]
runner = own!x
${runners.map((name) => `[runner:${name}]\nrunner = module!./${name}.mjs\nisolation = none\n`).join('')}
redact = word-\\w+
`,
    {
      'holding.mjs': 'setInterval(() => {}, 1000); export default () => "held";',
      'own.mjs': 'export default () => { setInterval(() => {}, 1000); return { run: () => {} }; };',
      'exiting.mjs': 'export default () => process.exit(0);',
      'throwing.mjs': `export default ({}, { settings }) => new Promise(() => {
        setTimeout(() => { throw new Error('no ' + settings.pin + '\\n!'); }, 10);
      });`,
      'rejecting.mjs': `export default ({}, { settings }) => new Promise(() => {
        void Promise.reject({ pin: settings.pin });
      });`,
      'numbers.mjs': `export default ({}, { log }) => {
        log.info('all', { pin: 67108864, rest: 1 });
        return { pin: 67108864, text: 'x 67108864' };
      };`,
      'chatty.mjs': `export default ({}, { log }) => {
        for (let i = 0; i < 500; i++) log.warn('word-' + i, { at: ['word-' + i] });
        process.exit(3);
      };`,
      'bad.ini':
        '[rbit]\nqueue-mappings = q:r\nlog-level = x\n[runner:r]\nrunner = module!./leave.mjs\nisolation = none\n',
      'fine.ini': '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = module!./leave.mjs\nisolation = none\n',
      'leave.mjs': 'process.exit(0);',
    },
  );
});
afterAll(() => project.remove());

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function rbitTs(...args: readonly string[]): Promise<Result> {
  const env = { ...process.env, ...SECRET.env };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, ...args],
      { env, cwd: project.dir, timeout: 20_000 },
      (error, stdout, stderr) =>
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          stdout,
          stderr,
        }),
    );
    child.stdin?.end('{}');
  });
}

const tryIt = (runner: string): Promise<Result> => rbitTs('try', runner, '--json', '-c', project.ini);

describe('a command ends when it is over', () => {
  it.concurrent('check, whatever a module or a processor holds on to', async () => {
    const { code, stdout } = await rbitTs('check', project.ini);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nqueues: embedded, in .*\n$/);
  });

  it.concurrent.each([
    ['holding', '"data":"held"'],
    ['own', '"event":"completed"'],
  ])('try, with %s', async (runner, end) => {
    const { code, stdout } = await tryIt(runner);
    expect({ code, stdout }).toStrictEqual({ code: 0, stdout: expect.stringContaining(end) });
  });
});

describe('a module that ends the process is told in one line', () => {
  it.concurrent.each([
    ['exiting', 'error: a module inside this process called process.exit(0)'],
    [
      'throwing',
      expect.stringMatching(
        /^error: nobody caught an error: Error: no \*\*\*\\n! \(at .*throwing\.mjs:2:\d+\)\)$/,
      ),
    ],
    ['rejecting', "error: nobody caught an error: { pin: '***' }"],
  ])('by try, with status 1: %s', async (runner, line) => {
    const { code, stdout, stderr } = await tryIt(runner);
    expect({ code, stdout: linesOf(stdout) }).toStrictEqual({ code: 1, stdout: ['{"event":"started"}'] });
    expect(linesOf(stderr)).toStrictEqual([line]);
  });

  it.concurrent.each([
    ['fine.ini', 70],
    ['bad.ini', 78],
  ])('by check, when it does so while it is loaded: %s', async (ini, status) => {
    const { code, stderr } = await rbitTs('check', ini);
    expect({ code, stderr }).toStrictEqual({
      code: status,
      stderr: 'error: a module inside this process called process.exit(0)\n',
    });
  });

  it.concurrent.each([
    ['exiting', 'called process.exit(0)'],
    ['throwing', 'nobody caught an error'],
  ])('by the daemon, with status 70 and in its log: %s', async (queue, words) => {
    const own = await makeProject(
      `[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[runner:r]\nrunner = module!${project.dir}/${queue}.mjs\nisolation = none\npin = \${env:PIN}\n`,
    );
    const daemon = await new TestDaemon([own.ini], SECRET).consuming('q');
    await rbitTs('submit', 'q', '--message', '-', '-c', own.ini);
    expect(await daemon.exited).toBe(70);
    expect(daemon.log.at(-1)).toMatchObject({ level: 'fatal', msg: expect.stringContaining(words) });
    expect(JSON.stringify(daemon.log)).not.toContain(SECRET.env.PIN);
    await own.remove();
  });
});

describe('the log', () => {
  it.concurrent('loses no line to a sudden end, and holds nothing that redact matches', async () => {
    const own = await makeProject(
      `[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[runner:r]\nrunner = module!${project.dir}/chatty.mjs\nisolation = none\nredact = word-\\w+\n`,
    );
    const daemon = await new TestDaemon([own.ini]).consuming('q');
    await rbitTs('submit', 'q', '--message', '-', '-c', own.ini);
    expect(await daemon.exited).toBe(70);
    const said = daemon.log.filter(({ level }) => level === 'warn');
    expect(said).toHaveLength(500);
    for (const { msg, fields } of said)
      expect({ msg, fields }).toStrictEqual({ msg: '***', fields: { at: ['***'] } });
    await own.remove();
  });

  it.concurrent('is JSON, and so is a reply, when a number is a secret', async () => {
    const { code, stdout, stderr } = await tryIt('numbers');
    expect({ code, stderr }).toStrictEqual({
      code: 0,
      stderr: 'info: all {"fields":{"pin":"***","rest":1}}\n',
    });
    expect(linesOf(stdout).map((line) => JSON.parse(line) as unknown)).toStrictEqual([
      { event: 'started' },
      { event: 'completed', data: { pin: '***', text: 'x ***' } },
    ]);
  });
});

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLI } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, linesOf } from './submit-project.ts';

const run = promisify(execFile);

const analyzer = await run('sh', ['-c', 'command -v systemd-analyze']).catch(() => undefined);

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'rbit-init-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** As somebody whose files all lie in one folder. */
function environment(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { STATE_DIRECTORY: _, ...env } = process.env;
  return { ...env, HOME: home, XDG_STATE_HOME: join(home, 'state'), ...changes };
}

async function sh(command: string, cwd: string, env = environment()): Promise<Ended> {
  const result = run('sh', ['-c', command], { cwd, env, timeout: 20_000 });
  const { stdout, stderr } = await result.catch((error: { stdout: string; stderr: string }) => error);
  return { code: result.child.exitCode, stdout, stderr };
}

const init = (cwd: string, dir: string, env?: NodeJS.ProcessEnv): Promise<Ended> =>
  sh(`'${process.execPath}' '${CLI}' init ${dir}`, cwd, env);

/** The commands that init has printed, as they stand: those of the first terminal and those of the second. */
function printed(stdout: string): [first: string[], second: string[]] {
  const [, first = '', second = ''] = stdout.split(/^(?:Next|In another terminal):$/m);
  return [first, second].map((part) =>
    part
      .split('\n')
      .filter((line) => line.startsWith('  '))
      .map((line) => line.trim()),
  ) as [string[], string[]];
}

describe('init', () => {
  it.each(['.', "'new/my worker'"])(
    'writes to %s what works as it stands: every command that it prints, in order',
    async (dir) => {
      const { code, stdout, stderr } = await init(home, dir);
      expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
      const [first, second] = printed(stdout);
      const daemonCommand = first.at(-1) ?? '';
      expect(daemonCommand).toMatch(/ run$/);
      const before = await sh(first.slice(0, -1).join(' && '), home);
      expect(before).toMatchObject({ code: 0, stderr: '' });
      expect(before.stdout).toMatch(/^hello +hello +module/m);
      expect(before.stdout).toMatch(/^completed \{"greeting":"Hello, Ada!"\}$/m);

      const cd = first.filter((command) => command.startsWith('cd '));
      const command = [...cd, `exec ${daemonCommand}`].join(' && ');
      const daemon = spawn('sh', ['-c', command], {
        cwd: home,
        env: environment(),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let log = '';
      daemon.stdout.on('data', (chunk) => {
        log += String(chunk);
      });
      try {
        await eventually(
          () => /consuming queue words/.test(log),
          `the daemon to consume (so far: ${log})`,
          20_000,
        );
        const submitted = await sh(second.join(' && '), tmpdir());
        expect(submitted).toMatchObject({ code: 0, stderr: '' });
        expect(linesOf(submitted.stdout).slice(1)).toStrictEqual([
          'started',
          'output Hello, Ada!',
          'completed {"greeting":"Hello, Ada!"}',
        ]);
        const other = second.join(' && ').replace(/hello .*/, "words --set 'parameters.text=a b' --wait");
        expect((await sh(other, tmpdir())).stdout).toMatch(/^output job .* from words: 2 words$/m);
      } finally {
        daemon.kill('SIGTERM');
        await once(daemon, 'close');
      }
      expect(daemon.exitCode).toBe(0);
    },
    60_000,
  );

  it('gives each project queues of its own, the same ones from everywhere', async () => {
    for (const parent of ['a', 'b']) await init(home, `${parent}/worker`);
    const queues = async (config: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> => {
      const { stdout } = await sh(`'${process.execPath}' '${CLI}' check '${config}'`, cwd, environment(env));
      return /^queues: (.*)$/m.exec(stdout)?.[1] ?? '';
    };
    const [a, b] = [join(home, 'a/worker/rbit.ini'), join(home, 'b/worker/rbit.ini')];
    expect(await queues(a, '/', {})).toBe(`embedded, in ${home}/a/worker/state/queue.sqlite`);
    expect(await queues(a, tmpdir(), { STATE_DIRECTORY: '/var/lib/worker' })).toBe(await queues(a, '/', {}));
    expect(await queues(b, '/', {})).toBe(`embedded, in ${home}/b/worker/state/queue.sqlite`);
  });

  it('works below a package.json that says nothing of modules, without a warning', async () => {
    await writeFile(join(home, 'package.json'), '{ "name": "app" }');
    await init(home, 'worker');
    const tried = `'${process.execPath}' '${CLI}' try hello --set parameters.name=Ada`;
    expect(await sh(tried, join(home, 'worker'))).toStrictEqual({
      code: 0,
      stdout: 'started\noutput Hello, Ada!\ncompleted {"greeting":"Hello, Ada!"}\n',
      stderr: '',
    });
  });

  it('never overwrites: what is there is left, and said to be', async () => {
    await writeFile(join(home, 'rbit.ini'), 'mine');
    await symlink(join(home, 'nowhere'), join(home, 'rbit-ts.service'));
    const { code, stdout } = await init(home, '.');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kept {2}rbit\.ini/m);
    expect(stdout).toMatch(/^kept {2}rbit-ts\.service/m);
    expect(stdout).toMatch(/^wrote runners\/hello\.ts$/m);
    expect(stdout).not.toMatch(/submit/);
    expect(await readFile(join(home, 'rbit.ini'), 'utf8')).toBe('mine');
    expect(existsSync(join(home, 'nowhere'))).toBe(false);
  });

  it('says in one line why a folder cannot be written', async () => {
    await writeFile(join(home, 'file'), '');
    const { code, stdout, stderr } = await init(home, 'file/new');
    expect({ code, stdout }).toStrictEqual({ code: 64, stdout: '' });
    expect(stderr).toBe(
      `error: init: ${home}/file/new/rbit.ini cannot be written: its folder is a file (name another folder)\n`,
    );
  });

  it.runIf(process.getuid?.() === 0)(
    'says so and ends where the file system takes no folders (needs root)',
    async () => {
      const { code, stdout, stderr } = await init(home, '/proc/new');
      expect({ code, stdout }).toStrictEqual({ code: 64, stdout: '' });
      expect(stderr).toBe(
        'error: init: /proc/new/rbit.ini cannot be written: its folder cannot be made (name another folder)\n',
      );
    },
  );

  it('calls rbit-ts by its name if that is what the name leads to, else not', async () => {
    const bin = join(home, 'bin');
    await mkdir(bin);
    await symlink(CLI, join(bin, 'rbit-ts'));
    const PATH = `${bin}${delimiter}${process.env['PATH']}`;
    expect(printed((await init(home, 'a', environment({ PATH }))).stdout)[0]).toContain('rbit-ts check');

    const otherBin = join(home, 'other');
    await mkdir(otherBin);
    await writeFile(join(otherBin, 'rbit-ts'), '#!/bin/sh\n');
    await chmod(join(otherBin, 'rbit-ts'), 0o755);
    const other = environment({ PATH: `${otherBin}${delimiter}${PATH}` });
    expect(printed((await init(home, 'b', other)).stdout)[0]).toContain(`${process.execPath} ${CLI} check`);
  });

  it('calls it through npx in a package that has it, whatever npm has put on PATH', async () => {
    const bin = join(home, 'app', 'node_modules', '.bin');
    await mkdir(bin, { recursive: true });
    await symlink(CLI, join(bin, 'rbit-ts'));
    const npms = environment({ PATH: `${bin}${delimiter}${process.env['PATH']}` });
    expect(printed((await init(join(home, 'app'), 'worker', npms)).stdout)[0]).toContain('npx rbit-ts check');
    expect(printed((await init(home, 'elsewhere', npms)).stdout)[0]).toContain(
      `${process.execPath} ${CLI} check`,
    );
  });

  it('writes units with absolute paths, in which nothing is taken for a variable', async () => {
    const folder = join(home, "100% o'clock");
    await mkdir(folder);
    await init(folder, '.');
    const unit = await readFile(join(folder, 'rbit-ts.service'), 'utf8');
    const config = `"${home}/100%% o'clock/rbit.ini"`;
    expect(unit).toContain(`ExecStart=${process.execPath} ${CLI} run ${config}\n`);
    expect(unit).toContain(`ExecReload=${process.execPath} ${CLI} reload -c ${config}\n`);
    expect(unit).toContain(`WorkingDirectory=${home}/100%% o'clock\n`);
    expect(unit).toContain(`ReadWritePaths="${home}/100%% o'clock"\n`);
    const instance = await readFile(join(folder, 'rbit-ts@.service'), 'utf8');
    expect(instance).toContain(`ExecStart=${process.execPath} ${CLI} run /etc/rbit/%i.ini\n`);
  });

  it.skipIf(analyzer === undefined)(
    'writes units of which systemd-analyze has nothing to say (needs systemd)',
    async () => {
      const folder = join(home, "100% o'clock");
      await mkdir(folder);
      await init(folder, '.');
      const units = ['rbit-ts.service', 'rbit-ts@.service'].map((name) => join(folder, name));
      const { stdout, stderr } = await run('systemd-analyze', ['verify', ...units]);
      expect(stdout + stderr).toBe('');
    },
  );
});

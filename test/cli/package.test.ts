import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeProject } from '../support/daemon.ts';

const run = promisify(execFile);

let folder: string;
let installed: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbit-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder]);
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ filename: string }];
  await run('tar', ['-xzf', join(folder, filename), '-C', folder]);
  installed = join(folder, 'package');
  await symlink(resolve('node_modules'), join(installed, 'node_modules'));
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

it('the package as it is published runs, with a TypeScript runner that lies elsewhere and imports rbit-ts', async () => {
  const { dir, ini, remove } = await makeProject(
    '[rbit]\nqueue-mappings = q:r\n[amqp]\n[runner:r]\nrunner = module!./runner.ts\n',
    {
      'runner.ts': `import { Failed, type Job } from 'rbit-ts';
        export default (job: Job): void => { throw new Failed(job.id); };`,
    },
  );
  const bin = join(installed, 'dist/cli/bin.js');
  const { stdout, stderr } = await run(process.execPath, [bin, 'check', ini], { cwd: dir });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^q +r +module +1 +25m$/m);
  await remove();
});

it.each(['dist/index.d.ts', 'dist/index.js', 'runners/hello.ts', 'rbit.example.ini', 'README.md', 'LICENSE'])(
  'the package brings %s along',
  async (file) => {
    await expect(access(join(installed, file))).resolves.toBeUndefined();
  },
);

import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { findPython } from '../support/python.ts';

const run = promisify(execFile);
const LIST_LOADED = new URL('../fixtures/list-loaded.mjs', import.meta.url).href;

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
  const { stdout, stderr } = await run(process.execPath, [bin(), 'check', ini], { cwd: dir });
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

const bin = (): string => join(installed, 'dist/cli/bin.js');

const RUNNER = `import { Failed } from 'rbit-ts';
export default () => { throw new Failed('said by the runner'); };`;
const PYTHON = `from rbit import Failed
def run(build_request, settings):
    raise Failed('said by the runner')
`;

it.each([
  ['module! in a thread', 'module!./runner.mjs\nisolation = thread'],
  ['module! in a process', 'module!./runner.mjs\nisolation = process'],
  ['module! in the daemon', 'module!./runner.mjs\nisolation = none'],
  ['python!', `python!runner:run\npython = ${findPython()}`],
  ['shell!', 'shell!echo \'{"failed":"said by the runner"}\' >> $RBIT_REPORT'],
])('%s of the published package finds what it is made of', async (_, line) => {
  const { dir, ini, remove } = await makeProject(
    `[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[runner:r]\nrunner = ${line}\n`,
    { 'runner.mjs': RUNNER, 'runner.py': PYTHON },
  );
  const trial = run(process.execPath, [bin(), 'try', 'r', '-c', ini], { cwd: dir, timeout: 20_000 });
  const ended = await trial.then(
    () => ({ code: 0, stdout: '', stderr: '' }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
  expect(`${ended.stdout}${ended.stderr}`).toContain('said by the runner');
  expect(ended.code).toBe(1);
  await remove();
});

it('a daemon of the published package starts programs by its own small processes, and shows its page', async () => {
  const { dir, ini, remove } = await makeProject(
    '[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[http]\nlisten = 127.0.0.1:0\n[runner:r]\nrunner = shell!true\n',
  );
  const daemon = new TestDaemon([ini], { cwd: dir, cli: bin() });
  const { msg } = await daemon.logged(/^page, health and metrics at /);
  const url = msg.slice(msg.lastIndexOf(' ') + 1);
  for (const [path, type] of [
    ['', 'text/html'],
    ['page/page.js', 'text/javascript'],
    ['grafana-dashboard.json', 'application/json'],
  ] as const) {
    const answer = await fetch(new URL(path, url));
    expect(answer.headers.get('content-type')).toContain(type);
  }
  expect(await daemon.stop()).toBe(0);
  expect(daemon.log.filter(({ level }) => !['info', 'debug'].includes(level))).toStrictEqual([]);
  await remove();
});

it('the published package knows its version, and writes a project that passes its own check', async () => {
  const { dir, remove } = await makeProject('');
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  const said = await run(process.execPath, [bin(), '--version']);
  expect(said.stdout).toBe(`${version}\n`);
  const options = { cwd: dir, env: { ...process.env, XDG_STATE_HOME: join(dir, 'state') } };
  await run(process.execPath, [bin(), 'init', 'new'], options);
  const checked = await run(process.execPath, [bin(), 'check', 'new/rbit.ini'], options);
  expect(checked.stderr).toBe('');
  await remove();
});

/** What is loaded one by one takes 0.3 ms a file to find, read and link. */
it('a daemon of the published package is a few files', async () => {
  const { dir, ini, remove } = await makeProject(
    '[rbit]\nqueue-mappings = q:r\nstate-dir = state\n[runner:r]\nrunner = module!./runner.mjs\nisolation = none\n',
    { 'runner.mjs': RUNNER },
  );
  const { stderr } = await run(process.execPath, ['--import', LIST_LOADED, bin(), '--once', ini], {
    cwd: dir,
  });
  const urls = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as string[];
  const ours = urls.filter((url) => url.includes('/package/dist/'));
  expect(ours.length).toBeLessThanOrEqual(12);
  // Nobody pays for a broker that is not used.
  expect(
    urls.filter((url) => /node_modules\/(?:amqplib|prom-client|nodemailer|pino-pretty)\//.test(url)),
  ).toStrictEqual([]);
  await remove();
});

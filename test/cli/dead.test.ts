import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, eventsOf, linesOf, type Started, start } from './submit-project.ts';

const isRoot = process.getuid?.() === 0;
/** Who may not look into a folder that is closed to others: for root somebody else, for anybody else itself. */
const NOBODY = isRoot ? { uid: 65_534, gid: 65_534 } : {};
const nobodyMayRun = spawnSync(process.execPath, [CLI, '--version'], NOBODY).status === 0;

const rbitTs = (...args: readonly string[]): Started => start(process.execPath, [CLI, ...args]);

describe.each(['RabbitMQ', 'the embedded broker'] as const)('dead on %s', (broker) => {
  const tag = randomUUID().slice(0, 8);
  const queue = (of: string): string => `${of}.${tag}`;
  let project: Awaited<ReturnType<typeof makeProject>>;

  beforeAll(async () => {
    const url = broker === 'RabbitMQ' ? await amqpUrl() : undefined;
    project = await makeProject(
      `[rbit]
queue-mappings = ${queue('strict')}:strict ${queue('other')}:strict ${queue('never')}:strict
state-dir = state
${url === undefined ? '' : `[amqp]\nurl = ${url}\n`}
[queue:${queue('strict')}]
dead-letter = ${queue('morgue')}
[queue:${queue('other')}]
dead-letter = ${queue('morgue')}
[runner:strict]
runner = shell!test "%{parameters.name}" = Ada || { echo "not Ada: %{parameters.name}" >&2; exit 1; }
keep-failed = yes
`,
    );
  }, 300_000);
  afterAll(() => project.remove());

  const submit = (of: string, id: string, body: string): Promise<Ended> =>
    start(process.execPath, [CLI, 'submit', queue(of), '-c', project.ini, '--id', id, '--message', '-'], body)
      .ended;
  const dead = (command: string, of: string, ...args: readonly string[]): Promise<Ended> =>
    rbitTs('dead', command, queue(of), '-c', project.ini, ...args).ended;

  /** Lets a daemon work until it has told of so many ends. */
  async function work(ends: number, outcome: RegExp): Promise<void> {
    const daemon = new TestDaemon([project.ini]);
    try {
      await eventually(
        () => daemon.log.filter(({ msg }) => outcome.test(msg)).length >= ends,
        `${ends} times ${outcome} (so far: ${JSON.stringify(daemon.log)} ${daemon.stderr.join()})`,
        30_000,
      );
    } finally {
      await daemon.stop();
    }
  }

  it('says that there are none where nothing ever died', async () => {
    const { code, stdout, stderr } = await dead('list', 'never');
    expect({ code, stdout, stderr }).toStrictEqual({
      code: 0,
      stdout: 'no dead letters\n',
      stderr:
        broker === 'RabbitMQ' ? '' : `no queue file ${join(project.dir, 'state', 'queue.sqlite')} yet\n`,
    });
    expect(await dead('retry', 'never', '--all')).toMatchObject({ code: 0, stdout: 'no dead letters\n' });
    expect(await dead('list', 'never', '--json')).toMatchObject({ code: 0, stdout: '' });
  });

  it('lists, shows, retries and drops what has failed', async () => {
    await submit('strict', 'job-1', '{"parameters": {"id": 12345678901234567890, "name": "\\u001b[2JBob"}}');
    await submit('strict', 'job-2', '{"parameters": {"name": "Eve"}}');
    await submit('other', 'job-3', 'no JSON \u001b[2J');
    await work(3, /message dead-lettered$/);

    const listed = await dead('list', 'morgue');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    const [head, ...rows] = linesOf(listed.stdout);
    expect(head).toMatch(/^id +died at +queue +runner +attempts +bytes +reason$/);
    expect(rows).toHaveLength(3);
    for (const row of rows)
      expect(row).toMatch(/^[\da-f]{8} {2}\d{4}-\d\d-\d\dT\S+Z +(strict|other)\.\S+ +strict {2}1 +\d+ +\S/);
    expect(rows.join()).toMatch(/not Ada: Eve/);
    const letters = eventsOf((await dead('list', 'morgue', '--json')).stdout);
    const idOf = (job: string): string => String(letters.find((letter) => letter['job'] === job)?.['id']);
    expect(letters.map((letter) => letter['id'])).toStrictEqual(rows.map((row) => row.slice(0, 8)));

    const limited = await dead('list', 'morgue', '--limit', '1');
    expect(linesOf(limited.stdout)).toHaveLength(2);
    expect(limited.stderr).toBe(`1 shown, 3 on ${queue('morgue')}; --limit 3 shows all\n`);

    const shown = await dead('show', 'morgue', idOf('job-1'), 'job-3', 'nobody');
    expect(shown).toMatchObject({
      code: 1,
      stderr: `no dead letter nobody (rbit-ts dead list ${queue('morgue')} shows all)\n`,
    });
    expect(shown.stdout).toMatch(/^ {6}"name": "\\u001b\[2JBob"$/m);
    expect(shown.stdout).toMatch(/^ {6}"id": 12345678901234567890,$/m);
    expect(shown.stdout).toMatch(/^ {2}no JSON/m);
    expect(shown.stdout).toMatch(/^ {2}correlationId +job-1$/m);
    expect(shown.stdout).not.toContain('job-2');
    expect(listed.stdout + shown.stdout).not.toContain('\u001b');
    expect((await dead('show', 'morgue', 'job-1', '--json')).stdout).toContain('"id":12345678901234567890,');
    const [json] = eventsOf((await dead('show', 'strict', 'job-2', '--json')).stdout);
    expect(json).toMatchObject({
      job: 'job-2',
      queue: queue('strict'),
      properties: { correlationId: 'job-2', headers: { 'x-rbit-attempt': 1 } },
      body: { parameters: { name: 'Eve' } },
    });

    const retried = await dead('retry', 'other', 'job-3');
    expect(retried).toMatchObject({
      code: 0,
      stdout: `${idOf('job-3')} retried, it is on ${queue('other')} again\n`,
      stderr: '',
    });
    await work(1, new RegExp(`^job job-3 of ${queue('other')} failed .*; message dead-lettered$`));

    const dropped = await dead('drop', 'strict', idOf('job-2'), 'nobody');
    expect(dropped).toMatchObject({ code: 1, stdout: `${idOf('job-2')} dropped\n` });
    expect(dropped.stderr).toMatch(/^no dead letter nobody /);

    expect(await dead('retry', 'morgue', '--all')).toMatchObject({
      code: 0,
      stdout: '2 dead letters retried\n',
    });
    expect((await dead('list', 'morgue')).stdout).toBe('no dead letters\n');
    await work(2, /message dead-lettered$/);
    expect(await dead('drop', 'strict', '--all')).toMatchObject({ code: 64 });
    expect(await dead('drop', 'morgue', '--all', '--yes')).toMatchObject({
      code: 0,
      stdout: '2 dead letters dropped\n',
    });
    expect((await dead('list', 'morgue')).stdout).toBe('no dead letters\n');
  }, 120_000);

  it('asks on a terminal before it drops all', async () => {
    await submit('strict', 'job-4', '{"parameters": {"name": "Eve"}}');
    await work(1, /message dead-lettered$/);
    const line = [process.execPath, CLI, 'dead', 'drop', queue('strict'), '--all', '-c', project.ini]
      .map((word) => `'${word}'`)
      .join(' ');
    const terminal = start('script', ['-qec', line, '/dev/null'], 'n\n');
    expect((await terminal.ended).stdout).toContain('for good (');
    expect(linesOf((await dead('list', 'strict')).stdout)).toHaveLength(2);
    await start('script', ['-qec', line, '/dev/null'], 'y\n').ended;
    expect((await dead('list', 'strict')).stdout).toBe('no dead letters\n');
  }, 60_000);
});

describe('dead says in one line', () => {
  const ini = (amqp: string): string =>
    `[rbit]\nqueue-mappings = worker.pdf:r\nstate-dir = state\n${amqp}[runner:r]\nrunner = shell!true\n`;

  it('which queue was meant', async () => {
    const { ini: path, remove } = await makeProject(ini(''));
    const { code, stderr } = await rbitTs('dead', 'list', 'wroker.pdf', '-c', path).ended;
    expect(code).toBe(78);
    expect(stderr).toMatch(/no queue is called wroker\.pdf \(did you mean worker\.pdf\?\)\n$/);
    await remove();
  });

  it('that the queue cannot be looked at, as check does, and nothing of no dead letters', async () => {
    const { dir, ini: path, remove } = await makeProject(ini(''));
    await writeFile(join(dir, 'state'), 'no folder');
    const [listed, checked] = await Promise.all([
      rbitTs('dead', 'list', 'worker.pdf', '-c', path).ended,
      rbitTs('check', path).ended,
    ]);
    expect(listed).toMatchObject({ code: 78, stdout: '' });
    expect(listed.stderr).toMatch(/^\S+:3: \[rbit\] state-dir: \S+ is not a folder \(.+\)\n$/);
    expect(listed.stderr).toBe(checked.stderr);
    await remove();
  });

  it.skipIf(!nobodyMayRun)(
    'that the queue may not be read by this user (needs a user other than root who can run Node)',
    async () => {
      const { dir, ini: path, remove } = await makeProject(ini(''));
      const state = join(dir, 'state');
      await chmod(dir, 0o755);
      await mkdir(state);
      await writeFile(join(state, 'queue.sqlite'), '');
      await chmod(state, isRoot ? 0o700 : 0o000);
      const args = ['dead', 'list', 'worker.pdf', '-c', path];
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
        ...NOBODY,
        encoding: 'utf8',
      });
      await chmod(state, 0o700);
      await remove();
      expect({ status, stdout }).toStrictEqual({ status: 78, stdout: '' });
      expect(stderr).toMatch(/^\S+:3: \[rbit\] state-dir: \S+ may not be written by \S+ \(.+\)\n$/);
    },
  );

  it('that the broker is away, without its password', async () => {
    const { ini: path, remove } = await makeProject(ini('[amqp]\nurl = amqp://u:hidden-word@127.0.0.1:1\n'));
    const { code, stdout, stderr } = await rbitTs('dead', 'list', 'worker.pdf', '-c', path).ended;
    expect({ code, stdout }).toStrictEqual({ code: 69, stdout: '' });
    expect(stderr).toMatch(/^error: the broker cannot be used: .*nobody listens at .*\n$/);
    expect(stderr).not.toContain('hidden-word');
    await remove();
  });

  it('that IDs or --all are missing', async () => {
    const { code, stderr } = await rbitTs('dead', 'retry', 'worker.pdf').ended;
    expect(code).toBe(64);
    expect(stderr).toMatch(
      /^error: dead retry: name IDs \(rbit-ts dead list worker\.pdf shows them\), or say --all\n$/,
    );
  });
});

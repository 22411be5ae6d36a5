import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { Requester } from '../support/requester.ts';

const FIXTURES = new URL('../fixtures/python/', import.meta.url).pathname;
const queue = `cnx_any_latex_pdf_${randomUUID().slice(0, 8)}`;

let project: Awaited<ReturnType<typeof makeProject>>;
let requester: Requester;
let daemon: TestDaemon;

/** What PyBit's web publishes: jsonpickle of a BuildRequest. */
function buildRequest(name: string, method = 'http'): string {
  const model = (of: string, fields: object): object => ({ 'py/object': `pybit.models.${of}`, ...fields });
  return JSON.stringify(
    model('BuildRequest', {
      timestamp: null,
      web_host: 'pybit.example:8080',
      transport: model('Transport', {
        id: null,
        method,
        uri: 'http://cnx.example/m9003',
        vcs_id: 'latest',
      }),
      job: model('Job', {
        id: 42,
        buildclient: null,
        packageinstance: model('PackageInstance', {
          id: 7,
          master: true,
          package: model('Package', { id: 3, name, version: '1.2' }),
          arch: model('Arch', { id: 1, name: 'any' }),
          suite: model('Suite', { id: 2, name: 'latex' }),
          distribution: model('Dist', { id: 4, name: 'cnx' }),
          format: model('Format', { id: 5, name: 'pdf' }),
          build_env: { 'py/id': 3 },
        }),
      }),
    }),
  );
}

async function ask(name: string, method?: string): Promise<unknown[]> {
  const correlationId = randomUUID();
  requester.submit(queue, buildRequest(name, method), { correlationId, persistent: true });
  return requester.heard(2, correlationId, 20_000);
}

beforeAll(async () => {
  const url = new URL(await amqpUrl());
  requester = await Requester.start(url.href);
  // As PyBit declares it.
  await requester.channel.assertQueue(queue, { durable: true });
  project = await makeProject('');
  const values: Record<string, string> = {
    QUEUE: queue,
    HOST: url.hostname,
    PORT: url.port || '5672',
    USER: decodeURIComponent(url.username) || 'guest',
    PASSWORD: decodeURIComponent(url.password) || 'guest',
    VHOST: decodeURIComponent(url.pathname.slice(1)) || '/',
    DIR: project.dir,
  };
  const ini = await readFile(join(FIXTURES, 'old_rbit.ini'), 'utf8');
  await writeFile(
    project.ini,
    ini.replace(/@([A-Z]+)@/g, (_, name: string) => values[name] ?? ''),
  );
  await mkdir(join(project.dir, 'rbitext'));
  await writeFile(join(project.dir, 'rbitext', '__init__.py'), '');
  await copyFile(join(FIXTURES, 'old_runner.py'), join(project.dir, 'rbitext', 'pdf.py'));
  daemon = await new TestDaemon([project.ini], { cwd: '/' }).consuming(queue);
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  await requester.channel.deleteQueue(queue);
  await requester.stop();
  await project.remove();
});

describe('an old rbit.ini with its runner module, unchanged', () => {
  test('passes the check', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'check', project.ini]);
    expect(stdout).toContain('latex-pdf');
  });

  test('builds what PyBit asks for, and hands back the artifacts', async () => {
    const artifact = join(project.dir, 'out', 'm9003-1.2.pdf');
    expect(await ask('m9003')).toEqual([{ status: 'started' }, { status: 'completed', data: [artifact] }]);
    expect(await readFile(artifact, 'utf8')).toBe('latex,cnx,any,ccap-physics,/tmp,True');
  });

  test('Failed, and what is derived from it, is final', async () => {
    expect(await ask('m9003', 'svn')).toEqual([
      { status: 'started' },
      { status: 'failed', message: "Unknown transport 'svn'" },
    ]);
    expect(await ask('missing')).toEqual([
      { status: 'started' },
      { status: 'failed', message: 'http://cnx.example/missing was not found' },
    ]);
  });

  test('what is no BuildRequest fails, and the next job runs', async () => {
    const correlationId = randomUUID();
    requester.submit(queue, { package: 'x' }, { correlationId });
    expect(await requester.heard(2, correlationId)).toEqual([
      { status: 'started' },
      { status: 'failed', message: "AttributeError: 'dict' object has no attribute 'stamp_request'" },
    ]);
    expect(await ask('m9004')).toMatchObject([{ status: 'started' }, { status: 'completed' }]);
  });

  test('Blocked goes back to its queue, and nobody is told that it has ended', async () => {
    const correlationId = randomUUID();
    requester.submit(queue, buildRequest('busy'), { correlationId, persistent: true });
    await daemon.logged(/blocked: the runner raised Blocked; .*put back for 30s/);
    expect(requester.statuses(correlationId)).toEqual([{ status: 'started' }]);
  });
});

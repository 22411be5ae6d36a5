import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runner } from '../../../src/job/runner.ts';
import { findPython } from '../../support/python.ts';
import { FIXTURES, makeContext, makeJob, makeRunner } from '../harness.ts';

let runner: Runner;
beforeAll(async () => {
  runner = makeRunner('python!build_requests:describe', {
    directory: join(FIXTURES, 'python'),
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    python: findPython(),
  });
  await runner.start();
});
afterAll(() => runner.stop());

interface Described {
  readonly type: string;
  readonly getters: Readonly<Record<string, unknown>>;
  readonly isStamped: boolean;
  readonly value: unknown;
}

/** What a callable sees of a body; `path` is an expression of attributes and indices on it. */
async function describeBody(body: unknown, path = ''): Promise<Described> {
  const context = makeContext(JSON.stringify(body));
  const outcome = await runner.run(makeJob(body, { headers: { path } }), context);
  if (outcome.kind !== 'completed') throw new Error(JSON.stringify(outcome));
  return outcome.data as Described;
}

const model = (name: string, fields: Record<string, unknown>): Record<string, unknown> => ({
  'py/object': `pybit.models.${name}`,
  ...fields,
});

function buildRequest(changes: Record<string, unknown> = {}, instance: Record<string, unknown> = {}): object {
  return model('BuildRequest', {
    timestamp: null,
    web_host: 'pybit.example:8080',
    transport: model('Transport', {
      id: null,
      method: 'http',
      uri: 'http://cnx.example/m9003',
      vcs_id: 'latest',
    }),
    job: model('Job', {
      id: 42,
      buildclient: null,
      packageinstance: model('PackageInstance', {
        id: 7,
        master: true,
        build_env: null,
        package: model('Package', { id: 3, name: 'm9003', version: '1.2' }),
        arch: model('Arch', { id: 1, name: 'any' }),
        suite: model('Suite', { id: 2, name: 'latex' }),
        distribution: model('Dist', { id: 4, name: 'cnx' }),
        format: model('Format', { id: 5, name: 'pdf' }),
        ...instance,
      }),
    }),
    ...changes,
  });
}

test('a BuildRequest of PyBit has its getters, its attributes, and a new time stamp', async () => {
  const described = await describeBody(buildRequest(), '.transport.uri');
  expect(described).toEqual({
    type: 'BuildRequest',
    getters: {
      get_job_id: 42,
      get_package: 'm9003',
      get_version: '1.2',
      get_arch: 'any',
      get_suite: 'latex',
      get_dist: 'cnx',
      get_format: 'pdf',
      get_buildenv: null,
    },
    isStamped: true,
    value: 'http://cnx.example/m9003',
  });
});

test('one of an older sender, without build_env and with commands, is one, too', async () => {
  // JSON has no undefined: the key is left out.
  const older = buildRequest({ commands: '' }, { build_env: undefined });
  expect(await describeBody(older, '.commands')).toMatchObject({
    getters: { get_buildenv: null },
    value: '',
  });
});

test('a build environment is told by its name', async () => {
  const build_env = model('BuildEnv', { id: 1, name: 'wheezy' });
  expect(await describeBody(buildRequest({}, { build_env }))).toMatchObject({
    getters: { get_buildenv: 'wheezy' },
  });
});

// 0 the request, 1 its job, 2 the package instance, 3 its arch: keys in sorted order, not as they are written.
test.each([
  [3, 'any'],
  [0, undefined],
])('py/id %i is the object with that number, in sorted order of keys', async (id, name) => {
  const body = buildRequest({}, { build_env: { 'py/id': id } });
  const described = await describeBody(body, '.job.packageinstance.build_env.__class__.__name__');
  expect(described.value).toBe(id === 3 ? 'Arch' : 'BuildRequest');
  expect(described.getters['get_buildenv']).toBe(name ?? null);
});

test('lists are numbered as objects are; plain dicts, tuples and sets are not', async () => {
  const extras = {
    commands: [
      { plain: 1 },
      { 'py/tuple': [1, { 'py/set': ['a'] }] },
      model('Suite', { id: 9, name: 'x' }),
      { 'py/id': 2 },
      { 'py/id': 1 },
    ],
  };
  expect(await describeBody(buildRequest(extras), '.commands[3].name')).toMatchObject({ value: 'x' });
  expect(await describeBody(buildRequest(extras), '.commands[4].__class__.__name__')).toMatchObject({
    value: 'list',
  });
  expect(await describeBody(buildRequest(extras), '.commands[1].__class__.__name__')).toMatchObject({
    value: 'tuple',
  });
  expect(await describeBody(buildRequest(extras), '.commands[1][1].__class__.__name__')).toMatchObject({
    value: 'set',
  });
});

test.each<[unknown, unknown]>([
  [
    { 'py/object': 'os.system', x: 1 },
    { 'py/object': 'os.system', x: 1 },
  ],
  [{ 'py/repr': 'os/os.system("touch /tmp/x")' }, { 'py/repr': 'os/os.system("touch /tmp/x")' }],
  [{ 'py/type': 'os.system' }, { 'py/type': 'os.system' }],
  [
    { 'py/reduce': [{ 'py/type': 'os.system' }, { 'py/tuple': ['true'] }] },
    { 'py/reduce': [{ 'py/type': 'os.system' }, ['true']] },
  ],
  [{ 'py/id': 999 }, { 'py/id': 999 }],
  [{ 'py/id': -1 }, { 'py/id': -1 }],
  [{ 'py/id': true }, { 'py/id': true }],
  [{ 'py/object': ['x'] }, { 'py/object': ['x'] }],
  [{ 'py/object': 'pybit.models.AMQPConnection' }, { 'py/object': 'pybit.models.AMQPConnection' }],
  [{ 'py/set': [[1]] }, { 'py/set': [[1]] }],
  [{ 'py/tuple': 7 }, { 'py/tuple': 7 }],
])('%j stays data: nothing of a message is called, imported or evaluated', async (commands, value) => {
  expect(await describeBody(buildRequest({ commands }), '.commands')).toMatchObject({ value });
});

test.each<[unknown, string]>([
  [{ 'py/object': 'pybit.models.BuildRequest', 'py/tuple': [] }, 'dict'],
  [{ 'py/object': 'pybit.models.BuildRequest', 'py/id': 0 }, 'dict'],
  [{ parameters: {} }, 'dict'],
  [[1], 'list'],
  ['text', 'str'],
  [null, 'NoneType'],
  [7, 'int'],
  [{ 'py/object': 'pybit.models.CancelRequest', job: { 'py/id': 0 } }, 'dict'],
  [{ 'py/object': 'os.system' }, 'dict'],
])('%j is a plain %s', async (body, type) => {
  expect(await describeBody(body)).toEqual({ type, getters: {}, isStamped: false, value: body });
});

test('a field that is called like a method does not hide it, and is there with a line behind its name', async () => {
  const body = buildRequest({ stamp_request: 5, get_package: 'none', __class__: { a: 1 } });
  const described = await describeBody(body, '.get_package_');
  expect(described).toMatchObject({
    type: 'BuildRequest',
    getters: { get_package: 'm9003' },
    isStamped: true,
    value: 'none',
  });
});

test('a BuildRequest that lacks its job is a crash only where the runner asks for it', async () => {
  const outcome = await runner.run(
    makeJob({ 'py/object': 'pybit.models.BuildRequest', web_host: 'x' }),
    makeContext(),
  );
  expect(outcome).toMatchObject({
    kind: 'failed',
    retryable: true,
    message: "AttributeError: 'BuildRequest' object has no attribute 'job'",
  });
});

import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { type Release, ReleaseEngine, type ReleaseResult } from '../support/release-engine.ts';
import { type Script, startScriptedWorker } from '../support/scripted-worker.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };
const FAILED = { status: 'failed' };

let url: string;
let connection: ChannelModel;
let engine: ReleaseEngine;
const exchange = `re-${randomUUID()}`;

beforeAll(async () => {
  url = await amqpUrl();
  connection = await connect(url);
  engine = await ReleaseEngine.start(url, exchange);
}, 300_000);

afterAll(async () => {
  const channel = await connection.createChannel();
  await channel.deleteExchange(exchange);
  await connection.close();
  await engine.stop();
});

describe('the release engine of these tests reacts to replies as re-core was seen to', () => {
  const ok = [STARTED, COMPLETED];
  const notify = { completed: { irc: ['#ops'] } };

  async function play(
    a: readonly unknown[],
    b: readonly unknown[] = ok,
    step: object = {},
  ): Promise<ReleaseResult> {
    const tag = randomUUID().replaceAll('-', '');
    const script: Script = [a, b];
    const worker = await startScriptedWorker(connection, `worker.${tag}`, exchange, script);
    try {
      const steps = [{ name: `${tag}:A`, ...step }, { name: `${tag}:B` }];
      const result = await engine.run({ id: randomUUID(), steps });
      const names = (name: string): string => name.replace(`${tag}:`, '');
      return {
        ...result,
        completed: result.completed.map(names),
        failedStep: result.failedStep === undefined ? undefined : names(result.failedStep),
      };
    } finally {
      await worker.close();
    }
  }

  it('row 1: started, completed -> both steps run', async () => {
    expect(await play(ok)).toMatchObject({ completed: ['A', 'B'], failed: false, leftOver: [] });
  });
  it('row 2: completed without started -> the next step runs, the release ends failed', async () => {
    expect(await play([COMPLETED])).toMatchObject({ completed: ['A', 'B'], failed: true });
  });
  it('row 3: failed without started -> the step has failed, the rest is skipped', async () => {
    expect(await play([FAILED])).toMatchObject({ completed: [], failedStep: 'A', failed: true });
  });
  it('row 4: started twice -> the second one fails the step, the late completed is left over', async () => {
    expect(await play([STARTED, STARTED, COMPLETED])).toMatchObject({
      failedStep: 'A',
      failed: true,
      leftOver: [COMPLETED],
    });
  });
  it('row 5: completed twice -> the next step counts as completed before it ran', async () => {
    expect(await play([STARTED, COMPLETED, COMPLETED])).toMatchObject({
      completed: ['A', 'B'],
      failed: true,
    });
  });
  it('row 6: a stray started -> the next step’s own started is taken for its end', async () => {
    expect(await play([STARTED, COMPLETED, STARTED])).toMatchObject({
      completed: ['A'],
      failedStep: 'B',
      failed: true,
    });
  });
  it('row 7: an unknown status -> the step has failed', async () => {
    expect(await play([STARTED, { status: 'blocked' }])).toMatchObject({ failedStep: 'A', died: false });
  });
  it('row 8: an unknown status of a step with notify -> the release never ends', async () => {
    expect(await play([STARTED, { status: 'progress' }], ok, { notify })).toMatchObject({ died: true });
  });
  it.each([
    ['an object without status', { data: 1 }],
    ['a list', [1]],
    ['text', 'oops'],
  ])('row 9: %s -> the release never ends', async (_, reply) => {
    expect(await play([STARTED, reply])).toMatchObject({ died: true });
  });
  it('row 10: nothing -> it waits for ever', async () => {
    const silent = play([]);
    const first = await Promise.race([silent, play(ok)]);
    expect(first).toMatchObject({ completed: ['A', 'B'] });
    silent.catch(() => {});
  });
  it('row 11: started, a crash, completed by the redelivery -> success', async () => {
    expect(await play([STARTED, COMPLETED])).toMatchObject({ failed: false });
  });
  it('row 12: more keys in a reply -> ignored', async () => {
    const more = [
      { ...STARTED, host: 'h' },
      { ...COMPLETED, data: { a: 1 }, message: 'done' },
    ];
    expect(await play(more)).toMatchObject({ completed: ['A', 'B'], failed: false });
  });
});

describe('rbit-ts as the worker of a release engine', () => {
  let daemon: TestDaemon;
  let remove: () => Promise<void>;
  const tag = randomUUID().slice(0, 8);
  const [work, gone] = [`work${tag}`, `gone${tag}`];

  beforeAll(async () => {
    const project = await makeProject(
      `[rbit]
queue-mappings = worker.${work}:step worker.${gone}:shell
[amqp]
url = ${url}
exchange = ${exchange}
[queue:worker.${work}]
bind = worker.${work}
[queue:worker.${gone}]
bind = worker.${gone}
[runner:step]
runner = module!step.mjs
concurrency = 4
blocked-delay = 200ms
[runner:shell]
runner = shell!test "%SUBCOMMAND" = Run && echo "%{dynamic.environment} on $RBIT_HOSTS"
required = dynamic.environment
`,
      {
        'step.mjs': `
const seen = new Set();
export default async function step(job, context) {
  const { subcommand } = job.parameters;
  if (subcommand === 'Exists') return { exists: true };
  if (subcommand === 'Nothing') return undefined;
  if (subcommand === 'Blocked' && job.attempt === 1) {
    const { Blocked } = await import('rbit-ts');
    throw new Blocked('not yet');
  }
  if (subcommand === 'Fail') throw new Error('no');
  context.output('line of ' + job.id);
  return job.dynamic;
}`,
      },
    );
    remove = project.remove;
    daemon = await new TestDaemon([project.ini]).consuming(`worker.${work}`, `worker.${gone}`);
  });

  afterAll(async () => {
    await daemon.stop();
    await remove();
    const channel = await connection.createChannel();
    for (const queue of [work, gone]) await channel.deleteQueue(`worker.${queue}`);
    await channel.close();
  });

  const release = (steps: string[], more: Partial<Release> = {}): Release => ({
    id: randomUUID().replaceAll('-', '').slice(0, 24),
    dynamic: { environment: 'qa' },
    steps: steps.map((name) => ({ name })),
    ...more,
  });

  it('carries a release of several steps to its end, twenty times, with no reply too many', async () => {
    for (let round = 0; round < 20; round += 1) {
      const names = [`${work}:Run`, `${gone}:Run`, `${work}:Run`, `${work}:Nothing`];
      const result = await engine.run(release(names));
      expect(result).toMatchObject({ completed: names, failed: false, died: false, leftOver: [] });
      expect(result.replies).toStrictEqual([
        STARTED,
        { ...COMPLETED, data: { environment: 'qa' } },
        STARTED,
        COMPLETED,
        STARTED,
        { ...COMPLETED, data: { environment: 'qa' } },
        STARTED,
        COMPLETED,
      ]);
    }
  });

  it('carries two releases that are interleaved, each to its own end', async () => {
    const names = Array.from({ length: 10 }, () => `${work}:Run`);
    const [one, two] = await Promise.all([engine.run(release(names)), engine.run(release(names))]);
    for (const result of [one, two]) {
      expect(result).toMatchObject({ completed: names, failed: false, died: false, leftOver: [] });
    }
  });

  it('passes a pre-deploy check that compares the whole body, and post-deploy actions', async () => {
    const result = await engine.run(
      release([`${work}:Run`], {
        preChecks: [
          { name: `${work}:Exists`, expectation: { status: 'completed', data: { exists: true } } },
          { name: `${work}:Nothing`, expectation: { status: 'completed' } },
        ],
        postActions: [{ name: `${work}:Run` }, { name: `${gone}:Run` }],
      }),
    );
    expect(result).toMatchObject({ completed: [`${work}:Run`], failed: false, died: false, leftOver: [] });
  });

  it('stays silent while a step is blocked, so that the release goes on when it no longer is', async () => {
    const names = [`${work}:Blocked`, `${work}:Run`];
    const result = await engine.run(release(names, { dynamic: { environment: 'qa' } }));
    expect(result).toMatchObject({ completed: names, failed: false, leftOver: [] });
    expect(result.replies).toHaveLength(4);
  });

  it('fails the release when a step fails or lacks a required key, and only then', async () => {
    const failing = await engine.run(release([`${work}:Run`, `${work}:Fail`, `${work}:Run`]));
    expect(failing).toMatchObject({
      completed: [`${work}:Run`],
      failedStep: `${work}:Fail`,
      died: false,
      leftOver: [],
    });
    const lacking = await engine.run(release([`${gone}:Run`], { dynamic: {} }));
    expect(lacking).toMatchObject({ failedStep: `${gone}:Run`, died: false, leftOver: [] });
    expect(lacking.replies).toStrictEqual([
      { ...FAILED, message: 'missing required keys: dynamic.environment' },
    ]);
  });
});

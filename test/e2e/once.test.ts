import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAmqpBroker } from '../../src/broker/amqp/amqp-broker.ts';
import type { Broker, QueueOptions } from '../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { amqpOptions } from '../broker/amqp/fixture.ts';
import { openDrain } from '../broker/inbox.ts';
import { amqpUrl } from '../support/amqp-url.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

let url: string;
beforeAll(async () => {
  url = await amqpUrl();
}, 300_000);

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Two queues, `a` and `b`, whose jobs note each run, and do what their command says. */
interface Place {
  readonly a: string;
  readonly b: string;
  readonly broker: Broker;
  /** Puts a job on a queue for each command. */
  submit(queue: string, ...commands: readonly string[]): Promise<void>;
  /** Starts a daemon on it; ends with the test. */
  run(...args: readonly string[]): TestDaemon;
  /** Commands of the jobs that were begun, in order. */
  runs(): Promise<string[]>;
  /** How often which status was heard. */
  heard(status: string): number;
}

type Kind = 'the embedded queue' | 'RabbitMQ';

async function openPlace(
  kind: Kind,
  { runner = '', rbit = '', runnerOfB }: { runner?: string; rbit?: string; runnerOfB?: string },
): Promise<Place> {
  const tag = randomUUID().slice(0, 8);
  const [a, b, replies] = [`once.a.${tag}`, `once.b.${tag}`, `once.r.${tag}`];
  const project = await makeProject(`[rbit]
queue-mappings = ${a}:r ${b}:${runnerOfB === undefined ? 'r' : 's'}
state-dir = state
${rbit}
${kind === 'RabbitMQ' ? `[amqp]\nurl = ${url}` : ''}
[runner:r]
runner = shell!echo %COMMAND >> runs; case %COMMAND in fail) exit 1;; block) exit 75;; slow) sleep 0.4;; hang) sleep 60;; esac
${runner}
${runnerOfB === undefined ? '' : `[runner:s]\nrunner = ${runnerOfB}`}
`);
  cleanUps.push(project.remove);
  const state = join(project.dir, 'state');
  await mkdir(state, { mode: 0o700 });
  const facts = (deadLetter: string): QueueOptions => ({ bind: [], deadLetter });
  const queues = new Map([a, b, replies].map((name) => [name, facts(`${name}.dead`)] as const));
  const broker =
    kind === 'RabbitMQ'
      ? createAmqpBroker(amqpOptions(url, { queues }))
      : createEmbeddedBroker({ file: join(state, 'queue.sqlite'), exchange: 'rbit', queues });
  broker.start();
  cleanUps.push(() => broker.close(2_000));
  await Promise.all([...queues.keys()].map((queue) => broker.prepare(queue)));
  const { bodies } = openDrain(broker, replies, 100);

  return {
    a,
    b,
    broker,
    async submit(queue, ...commands) {
      const publications = commands.map((command) => ({
        exchange: '',
        routingKey: queue,
        body: Buffer.from(command === 'garbage' ? '{' : JSON.stringify({ parameters: { command } })),
        properties: { persistent: true, replyTo: replies, correlationId: randomUUID() },
      }));
      await Promise.all(publications.map((publication) => broker.publish(publication)));
    },
    run(...args) {
      const daemon = new TestDaemon([...args, project.ini]);
      cleanUps.push(() => daemon.stop('SIGKILL'));
      return daemon;
    },
    async runs() {
      const text = await readFile(join(project.dir, 'runs'), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
    heard: (status) => bodies.filter((body) => body.includes(`"status":"${status}"`)).length,
  };
}

const times = (count: number, command: string): string[] => Array.from({ length: count }, () => command);
const lastWords = (daemon: TestDaemon): string | undefined => daemon.log.at(-1)?.msg;

describe.each<Kind>(['the embedded queue', 'RabbitMQ'])('on %s', (kind) => {
  it('--once works what waits on all queues, answers it, and tells how it went', async () => {
    const place = await openPlace(kind, { runner: 'concurrency = 3' });
    await place.submit(place.a, ...times(20, 'ok'));
    await place.submit(place.b, ...times(5, 'ok'), 'slow');
    const daemon = place.run('run', '--once');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toBe('26 jobs: 26 completed');
    expect(await place.runs()).toHaveLength(26);
    await eventually(() => place.heard('completed') === 26, 'all replies');
    expect([await place.broker.count(place.a), await place.broker.count(place.b)]).toStrictEqual([0, 0]);
  });

  it('--once waits for nothing that goes back, even if it is there again at once, and exits 1 for a failure', async () => {
    const place = await openPlace(kind, { runner: 'concurrency = 2\nblocked-delay = 1ms' });
    await place.submit(place.a, 'block', 'fail', 'ok', 'block', 'garbage', 'ok');
    const daemon = place.run('--once');
    expect(await daemon.exited).toBe(1);
    expect(lastWords(daemon)).toMatch(/^4 jobs: 2 completed, 2 failed; \d put back$/);
    expect(await place.broker.count(place.a)).toBe(2);
  });

  it('--max-jobs takes exactly so many, whatever it was handed out, and lets them run to their end', async () => {
    const place = await openPlace(kind, { runner: 'concurrency = 5', rbit: 'shutdown-timeout = 100ms' });
    await place.submit(place.a, ...times(6, 'slow'));
    await place.submit(place.b, ...times(6, 'slow'));
    const daemon = place.run('--max-jobs', '3');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toBe('3 jobs: 3 completed');
    expect(await place.runs()).toHaveLength(3);
    const rest = place.run('--once', '--max-jobs', '30');
    expect(await rest.exited).toBe(0);
    expect(lastWords(rest)).toBe('9 jobs: 9 completed');
    await eventually(() => place.heard('completed') === 12, 'all replies');
    expect(place.heard('started')).toBe(12);
    // What went back unbegun does not count as a run.
    expect(
      rest.log.filter(({ outcome }) => outcome === 'completed').map(({ attempt }) => attempt),
    ).toStrictEqual(times(9, '').map(() => 1));
  });
});

describe('on RabbitMQ with ack = receipt', () => {
  it('--once works what lies on this disk as well, and ends when all replies are sent', async () => {
    const place = await openPlace('RabbitMQ', { runner: 'ack = receipt\nconcurrency = 2' });
    await place.submit(place.a, ...times(10, 'ok'), 'slow');
    const daemon = place.run('--once');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toBe('11 jobs: 11 completed');
    await eventually(() => place.heard('completed') === 11, 'all replies');
    expect(await place.broker.count(place.a)).toBe(0);
  });

  it('--once works what still waits at the broker while a blocked job comes round again and again', async () => {
    const place = await openPlace('RabbitMQ', {
      runner: 'ack = receipt\nconcurrency = 1\nblocked-delay = 1ms',
    });
    await place.submit(place.a, 'block', ...times(4, 'ok'));
    const daemon = place.run('--once');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toMatch(/^4 jobs: 4 completed; \d+ put back$/);
    expect(await place.broker.count(place.a)).toBe(0);
  });

  it('--max-jobs leaves the rest to the next one, and loses nothing', async () => {
    const place = await openPlace('RabbitMQ', { runner: 'ack = receipt\nconcurrency = 3' });
    await place.submit(place.a, ...times(6, 'ok'));
    const daemon = place.run('--max-jobs', '2');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toBe('2 jobs: 2 completed');
    const rest = place.run('--once');
    expect(await rest.exited).toBe(0);
    expect(lastWords(rest)).toBe('4 jobs: 4 completed');
    await eventually(() => place.heard('completed') === 6, 'all replies');
    expect([place.heard('started'), (await place.runs()).length]).toStrictEqual([6, 6]);
  });
});

describe('a run that ends by itself', () => {
  const kind = 'the embedded queue';

  it('does not wait for what goes back with a delay, which is no failure', async () => {
    const place = await openPlace(kind, { runner: 'blocked-delay = 1h\nretries = 1\nretry-delay = 1h' });
    await place.submit(place.a, 'block', 'fail');
    const daemon = place.run('--once');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toBe('0 jobs; 2 put back');
  });

  it('counts each retry as one of --max-jobs', async () => {
    const place = await openPlace(kind, { runner: 'retries = 9\nretry-delay = 10ms' });
    await place.submit(place.a, 'fail');
    const daemon = place.run('--max-jobs', '2');
    expect(await daemon.exited).toBe(0);
    expect(lastWords(daemon)).toBe('0 jobs; 2 put back');
    expect(await place.runs()).toHaveLength(2);
  });

  it('counts what is no job as one of --max-jobs, too, and treats no more of it', async () => {
    const place = await openPlace(kind, { runner: 'concurrency = 5' });
    await place.submit(place.a, 'garbage', 'garbage', 'garbage', 'ok');
    const daemon = place.run('--max-jobs', '2');
    expect(await daemon.exited).toBe(1);
    expect(lastWords(daemon)).toBe('2 jobs: 2 failed');
    await eventually(() => place.heard('failed') === 2, 'the replies');
    expect(await place.broker.count(place.a)).toBe(2);
  });

  it('works the other queues when a runner cannot be started, says what waits, and exits 75', async () => {
    const place = await openPlace(kind, { runnerOfB: 'shell!exit 127' });
    await place.submit(place.b, 'never', 'never');
    await place.submit(place.a, 'slow', 'ok');
    const daemon = place.run('--once');
    expect(await daemon.exited).toBe(75);
    expect(await place.runs()).toStrictEqual(['slow', 'ok']);
    expect(daemon.log.map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/^queue once\.b\.\w+ is paused: s cannot be started: .*; waiting there: 2$/),
    );
    expect(lastWords(daemon)).toMatch(
      /^2 jobs: 2 completed; \d put back; s cannot be started: exit code 127$/,
    );
  });

  it('counts a try of a runner that cannot be started as one of --max-jobs, says so, and exits 75', async () => {
    const place = await openPlace(kind, { runnerOfB: 'shell!exit 127' });
    await place.submit(place.b, 'never', 'never', 'never');
    const daemon = place.run('--max-jobs', '2');
    expect(await daemon.exited).toBe(75);
    expect(daemon.log.map(({ msg }) => msg)).toContain('max-jobs: 2 taken');
    expect(lastWords(daemon)).toBe('0 jobs; 2 put back; s cannot be started: exit code 127');
    expect(await place.broker.count(place.b)).toBe(3);
  });

  it('stops for SIGTERM as ever', async () => {
    const place = await openPlace(kind, { runner: 'kill-grace = 100ms', rbit: 'shutdown-timeout = 200ms' });
    await place.submit(place.a, 'hang', 'ok');
    const daemon = place.run('--once');
    await eventually(async () => (await place.runs()).length === 1, 'the run');
    expect(await daemon.stop()).toBe(0);
    expect(lastWords(daemon)).toBe('0 jobs; 1 put back');
    expect(await place.broker.count(place.a)).toBe(2);
  });

  it('refuses a number of jobs that is none', async () => {
    const daemon = new TestDaemon(['--max-jobs', '0', 'worker.ini']);
    expect(await daemon.exited).toBe(64);
    expect(daemon.stderr.join()).toMatch(/--max-jobs/);
  });
});

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inspectEmbedded } from '../../src/broker/embedded/inspect.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Rabbitmq, startRabbitmq } from '../support/rabbitmq.ts';
import { Requester } from '../support/requester.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const STARTED = { status: 'started' };
const COMPLETED = { status: 'completed' };
const ON_RESTART = {
  status: 'failed',
  message: 'the daemon died while the job was in hand, and on-restart is fail',
};

/** The broker takes a delivery back after so long without an acknowledgement. */
const ACK_TIMEOUT_MS = 1_500;

let rabbitmq: Rabbitmq;
let requester: Requester;
let proxy: TcpProxy;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  rabbitmq = await startRabbitmq({
    config: `consumer_timeout = ${ACK_TIMEOUT_MS}`,
    advancedConfig: '[{rabbit, [{channel_tick_interval, 300}]}].',
  });
}, 120_000);
afterAll(() => rabbitmq.stop());

beforeEach(async () => {
  requester = await Requester.start(rabbitmq.url);
  proxy = await startTcpProxy(rabbitmq);
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  await requester.stop();
  await proxy.close();
});

interface Host {
  readonly queue: string;
  /** Path of its INI file. */
  readonly ini: string;
  /** Starts a daemon, which consumes when this resolves. */
  start(): Promise<TestDaemon>;
  /** As `start`, for a daemon that cannot reach the broker. */
  startAway(): TestDaemon;
  submit(name: string, parameters?: Record<string, unknown>): void;
  /** Names of the jobs that were run, in the order of the runs. */
  runs(): string[];
  /** Waits until a job runs that is so called. */
  running(name: string): Promise<void>;
  /** Lets a job end that waits for it, with what else a shell is to do. */
  release(name: string, script?: string): void;
  /** How many messages lie in the file, whatever becomes of them. */
  stored(): number;
  waiting(): Promise<number>;
}

/** Does what the file says that releases it. */
const WORK = `echo "$1" >> runs
until test -e "$1.go"; do sleep 0.03; done
. "./$1.go"
`;

async function makeHost(settings = '', rbit = ''): Promise<Host> {
  const queue = `receipt.${randomUUID().slice(0, 8)}`;
  const project = await makeProject(
    `[rbit]
queue-mappings = ${queue}:work
state-dir = state
log-level = debug
${rbit}
[amqp]
url = amqp://guest:guest@127.0.0.1:${proxy.port}
heartbeat = 2s
[runner:work]
runner = shell!sh work.sh %{parameters.name}
ack = receipt
${settings}
`,
    { 'work.sh': WORK },
  );
  cleanUps.push(project.remove);
  const at = (name: string): string => join(project.dir, name);
  const daemons: TestDaemon[] = [];
  cleanUps.push(async () => {
    for (const daemon of daemons) await daemon.stop('SIGKILL');
    await requester.channel.deleteQueue(queue);
    await requester.channel.deleteQueue(`${queue}.dead`);
  });
  const runs = (): string[] =>
    existsSync(at('runs')) ? readFileSync(at('runs'), 'utf8').split('\n').filter(Boolean) : [];
  const startAway = (): TestDaemon => {
    const daemon = new TestDaemon([project.ini], { cwd: project.dir });
    daemons.push(daemon);
    return daemon;
  };
  return {
    queue,
    ini: project.ini,
    startAway,
    start: () => startAway().consuming(queue),
    submit(name, parameters = {}) {
      requester.submit(queue, { parameters: { name, ...parameters } }, { correlationId: name });
    },
    runs,
    async running(name) {
      await eventually(() => runs().includes(name), `a run of ${name}`);
    },
    release: (name, script = '') => writeFileSync(at(`${name}.go`), script),
    stored() {
      const found = inspectEmbedded(at('state/receipts.sqlite'));
      const queues = found !== undefined && 'queues' in found ? found.queues : [];
      return queues.reduce(
        (sum, { messages, delayed, delivered }) => sum + messages + delayed + delivered,
        0,
      );
    },
    waiting: async () => (await requester.channel.checkQueue(queue)).messageCount,
  };
}

describe('with ack = receipt', () => {
  it('a message is acknowledged while its job runs: a connection that is lost brings nothing back', async () => {
    const host = await makeHost();
    const daemon = await host.start();
    host.submit('one');
    await host.running('one');
    await eventually(() => host.stored() === 1, 'the job to be the only thing in the file');
    proxy.cut();
    await eventually(
      () => daemon.log.filter(({ msg }) => msg.startsWith('connected to amqp')).length === 4,
      'both connections to be back',
    );
    expect(await host.waiting()).toBe(0);
    host.release('one');
    expect(await requester.heard(2, 'one')).toStrictEqual([STARTED, COMPLETED]);
    expect(await daemon.stop()).toBe(0);
    expect(host.runs()).toStrictEqual(['one']);
    expect(host.stored()).toBe(0);
  });

  it('a job whose daemon was killed is answered as failed, once, and not run again', async () => {
    const host = await makeHost();
    const first = await host.start();
    host.submit('one');
    await requester.heard(1, 'one');
    await host.running('one');
    await first.stop('SIGKILL');
    const second = await host.start();
    expect(await requester.heard(2, 'one')).toStrictEqual([STARTED, ON_RESTART]);
    expect(await second.stop()).toBe(0);
    expect(requester.statuses('one')).toHaveLength(2);
    expect(host.runs()).toStrictEqual(['one']);
    expect(host.stored()).toBe(0);
  });

  it('with on-restart = rerun it is run again, without a second "started"', async () => {
    const host = await makeHost('on-restart = rerun');
    const first = await host.start();
    host.submit('one');
    await requester.heard(1, 'one');
    await host.running('one');
    await first.stop('SIGKILL');
    const second = await host.start();
    await eventually(() => host.runs().length === 2, 'the second run');
    host.release('one');
    expect(await requester.heard(2, 'one')).toStrictEqual([STARTED, COMPLETED]);
    expect(await second.stop()).toBe(0);
    expect(requester.statuses('one')).toHaveLength(2);
    expect(host.runs()).toStrictEqual(['one', 'one']);
  });

  it('replies wait on the disk while the broker is away, survive a kill and come once, in order', async () => {
    const host = await makeHost('concurrency = 3');
    const first = await host.start();
    for (const name of ['one', 'two', 'three']) host.submit(name);
    await requester.heard(3);
    proxy.refuse();
    await first.logged(/^no connection \(publish\)/);
    for (const name of ['two', 'three', 'one']) {
      host.release(name);
      await first.logged(new RegExp(`^job ${name} of .* completed`));
    }
    await first.stop('SIGKILL');
    const second = host.startAway();
    await second.logged(/^no connection \(publish\)/);
    proxy.resume();
    await requester.heard(6);
    expect(await second.stop()).toBe(0);
    const finals = requester.replies.filter(({ body }) => body['status'] !== 'started');
    expect(finals.map(({ properties }) => properties.correlationId)).toStrictEqual(['two', 'three', 'one']);
    expect(requester.replies).toHaveLength(6);
    expect(host.stored()).toBe(0);
  });

  it('no more messages leave the broker than there are slots', async () => {
    const host = await makeHost('concurrency = 2');
    const daemon = await host.start();
    const names = Array.from({ length: 20 }, (_, index) => `job-${index}`);
    for (const name of names) host.submit(name);
    for (let done = 0; done < 20; done += 1) {
      await eventually(() => host.runs().length === Math.min(20, done + 2), `run ${done + 2}`);
      expect(await host.waiting()).toBe(Math.max(0, 18 - done));
      const ran = host.runs()[done];
      if (ran === undefined) throw new Error('there was such a run');
      host.release(ran);
    }
    await requester.heard(40);
    expect(await daemon.stop()).toBe(0);
    expect(host.runs()).toStrictEqual(names);
    expect(daemon.log.filter(({ msg }) => msg === `consuming queue ${host.queue}`)).toHaveLength(1);
  });

  it('what cannot be decoded goes to the dead-letter queue of the broker, as it came, with the reason', async () => {
    const host = await makeHost();
    const daemon = await host.start();
    const body = Buffer.from([0xff, 0x00, 0x7b]);
    requester.channel.sendToQueue(host.queue, body, {
      correlationId: 'bad',
      replyTo: requester.replyTo,
      type: 'mine',
      headers: { mine: { nested: [1, 'two'] }, CC: ['elsewhere'] },
      userId: 'guest',
    });
    const dead = await requester.take(`${host.queue}.dead`);
    expect(dead.content).toStrictEqual(body);
    expect(dead.properties).toMatchObject({ correlationId: 'bad', type: 'mine', replyTo: requester.replyTo });
    expect(dead.properties.headers).toMatchObject({
      mine: { nested: [1, 'two'] },
      'x-rbit-reason': 'the message cannot be decoded: not JSON (not UTF-8)',
      'x-rbit-queue': host.queue,
      'x-rbit-runner': 'work',
    });
    const ours = Object.keys(dead.properties.headers ?? {}).filter((name) =>
      /^(receipt-|CC|x-rbit-copy)/.test(name),
    );
    expect(ours).toStrictEqual([]);
    expect(await requester.heard(1, 'bad')).toMatchObject([{ status: 'failed' }]);
    expect(await daemon.stop()).toBe(0);
    expect(host.stored()).toBe(0);
  });

  it('a blocked job waits here without a slot, over a restart as well, and takes no room', async () => {
    const host = await makeHost('blocked-delay = 2s');
    const first = await host.start();
    host.release('later', 'exit 75');
    host.release('other');
    host.submit('later');
    await first.logged(/^job later of .* blocked/);
    host.submit('other');
    await requester.heard(2, 'other');
    expect(await first.stop()).toBe(0);
    expect(await host.waiting()).toBe(0);
    host.release('later');
    const second = await host.start();
    expect(await requester.heard(2, 'later')).toStrictEqual([STARTED, COMPLETED]);
    expect(await second.stop()).toBe(0);
    expect(host.runs()).toStrictEqual(['later', 'other', 'later']);
    expect(host.stored()).toBe(0);
  });

  it.each([
    ['that a drain does not wait for any longer', ['SIGTERM']],
    ['that a second signal ends', ['SIGTERM', 'SIGTERM']],
  ] as const)('a job %s runs again at the next start, uncounted', async (_which, signals) => {
    const timeout = signals.length === 1 ? '200ms' : '60s';
    const host = await makeHost('', `shutdown-timeout = ${timeout}`);
    const first = await host.start();
    host.submit('one');
    await host.running('one');
    // Its "started" would be the other thing.
    await eventually(() => host.stored() === 1, 'the job to be the only thing in the file');
    first.child.kill('SIGTERM');
    if (signals.length > 1) {
      await first.logged(/no new jobs/);
      first.child.kill('SIGTERM');
    }
    await first.exited;
    expect(host.stored()).toBe(1);
    const second = await host.start();
    await eventually(() => host.runs().length === 2, 'the second run');
    host.release('one');
    expect(await requester.heard(2, 'one')).toStrictEqual([STARTED, COMPLETED]);
    expect(await second.stop()).toBe(0);
    expect(second.log.find(({ msg }) => /^job one of .* completed/.test(msg))).toMatchObject({ attempt: 1 });
    expect(host.stored()).toBe(0);
  });

  it('what lies on the disk for a queue that is not mapped any more stays, and is told of', async () => {
    const host = await makeHost('concurrency = 2');
    const first = await host.start();
    host.submit('one');
    host.submit('two');
    await requester.heard(2);
    await first.stop('SIGKILL');
    const ini = readFileSync(host.ini, 'utf8');
    writeFileSync(host.ini, ini.replaceAll(host.queue, `${host.queue}.new`));
    const second = host.startAway();
    await second.logged(
      new RegExp(`^2 jobs of queue ${host.queue} left in .*receipts.sqlite will not go on: map the queue`),
    );
    await second.consuming(`${host.queue}.new`);
    expect(await second.stop()).toBe(0);
    expect(host.stored()).toBe(2);
    await requester.channel.deleteQueue(`${host.queue}.new`);
  });

  it('no acknowledgement timeout of the broker disturbs a job, however long it takes', async () => {
    const host = await makeHost();
    const daemon = await host.start();
    host.submit('long');
    host.submit('next');
    await host.running('long');
    const since = performance.now();
    await eventually(() => performance.now() - since > 3 * ACK_TIMEOUT_MS, 'three timeouts', 10_000);
    host.release('long');
    host.release('next');
    expect(await requester.heard(2, 'long')).toStrictEqual([STARTED, COMPLETED]);
    expect(await requester.heard(2, 'next')).toStrictEqual([STARTED, COMPLETED]);
    expect(await daemon.stop()).toBe(0);
    expect(host.runs()).toStrictEqual(['long', 'next']);
    expect(daemon.log.filter(({ msg }) => /is not consumed|came again/.test(msg))).toStrictEqual([]);
  });
});

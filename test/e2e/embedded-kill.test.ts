import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { randomFrom } from '../support/random.ts';

const KILLS = 60;
const JOBS_A_KILL = 20;
const CONCURRENCY = 4;

/** Jobs of every outcome; each run writes to a ledger of its own when it begins and when it ends. */
const RUNNER = `
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Blocked, Failed } from 'rbit-ts';

export default async function work({ messageId, attempt, parameters }, { settings }) {
  const note = (what) => appendFileSync(settings.ledger, what + ' ' + messageId + '\\n');
  note('begin');
  const { kind } = parameters;
  if (kind === 'slow') await wait(40);
  if (kind === 'failed') throw new Failed('no such thing');
  if (kind === 'blocked' && attempt === 1) throw new Blocked('not yet', { delay: '150ms' });
  if (kind === 'crash' && attempt === 1) throw new Error('an accident');
  note('end');
  return { kind };
}
`;

const KINDS = ['ok', 'ok', 'slow', 'slow', 'failed', 'blocked', 'crash', 'garbage'] as const;
const isCompleted = (kind: string): boolean => kind !== 'failed' && kind !== 'garbage';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

test(`after ${KILLS} kills at random instants each job on the embedded queue has ended once`, async () => {
  const seed = Number(process.env['RBIT_TEST_SEED'] ?? Date.now() % 1_000_000);
  const random = randomFrom(seed);
  const project = await makeProject(
    `[rbit]
queue-mappings = jobs:work
state-dir = .
log-format = json
[runner:work]
runner = module!work.mjs
concurrency = ${CONCURRENCY}
threads = 1
retries = 1
retry-delay = 100ms
crash-limit = 1000
ledger = ledger.txt
`,
    { 'work.mjs': RUNNER },
  );
  cleanUps.push(project.remove);
  const ledger = join(project.dir, 'ledger.txt');
  writeFileSync(ledger, '');

  const requester = createEmbeddedBroker({
    file: join(project.dir, 'queue.sqlite'),
    exchange: 'rbit',
    queues: new Map([['replies', { bind: [], deadLetter: 'replies.dead', temporary: true }]]),
  });
  cleanUps.push(() => requester.close(2000));
  requester.start();
  const heard = new Map<string, string[]>();
  const consumer = requester.consume('replies', {
    prefetch: 1000,
    onDelivery(delivery) {
      const { body, properties } = delivery.message;
      const { status } = JSON.parse(body.toString()) as { status: string };
      heard.get(properties.correlationId ?? '')?.push(status);
      void delivery.ack();
    },
  });
  await eventually(() => consumer.state === 'consuming', 'the requester to listen');
  await requester.prepare('jobs');

  const kinds = new Map<string, string>();
  async function submit(): Promise<void> {
    const id = `job-${kinds.size}`;
    const kind = KINDS[Math.floor(random() * KINDS.length)] ?? 'ok';
    kinds.set(id, kind);
    heard.set(id, []);
    const body = Buffer.from(kind === 'garbage' ? 'no JSON' : JSON.stringify({ parameters: { kind } }));
    const properties = { correlationId: id, messageId: id, replyTo: 'replies', persistent: true };
    await requester.publish({ exchange: '', routingKey: 'jobs', body, properties });
  }

  const start = (): TestDaemon => new TestDaemon([project.ini], { cwd: project.dir });
  const daemons = [start(), start()];
  cleanUps.push(() => Promise.all(daemons.map((daemon) => daemon.stop('SIGKILL'))));
  for (let kill = 1; kill <= KILLS; kill += 1) {
    for (let job = 0; job < JOBS_A_KILL; job += 1) await submit();
    // Some before it consumes, some in the middle of everything: as many jobs have to end meanwhile as chance says.
    const ended = endedOf(heard) + Math.floor(random() * JOBS_A_KILL * 1.5);
    const patience = performance.now() + 150 + random() * 700;
    await eventually(() => endedOf(heard) >= ended || performance.now() > patience, 'the moment of the kill');
    const victim = Math.floor(random() * daemons.length);
    await daemons[victim]?.stop('SIGKILL');
    daemons[victim] = start();
  }
  await eventually(() => endedOf(heard) === kinds.size, `the end of all jobs (seed ${seed})`, 60_000);
  await Promise.all(daemons.map((daemon) => daemon.stop()));

  const wrong = [...kinds].filter(([id, kind]) => {
    const [finals, starts] = [
      finalsOf(heard.get(id)),
      heard.get(id)?.filter((one) => one === 'started') ?? [],
    ];
    return (
      finals.length !== 1 || finals[0] !== (isCompleted(kind) ? 'completed' : 'failed') || starts.length > 1
    );
  });
  expect(
    wrong.map(([id, kind]) => [id, kind, heard.get(id)]),
    `seed ${seed}`,
  ).toEqual([]);

  const [begins, ends] = ['begin ', 'end '].map((what) => countLines(ledger, what));
  for (const [id, kind] of kinds) {
    if (isCompleted(kind)) expect(ends?.get(id) ?? 0, `effects of ${id}, seed ${seed}`).toBeGreaterThan(0);
  }
  const needed = (kind: string): number =>
    kind === 'garbage' ? 0 : kind === 'blocked' || kind === 'crash' ? 2 : 1;
  const extra = [...kinds].reduce((sum, [id, kind]) => sum + (begins?.get(id) ?? 0) - needed(kind), 0);
  // What ran when its daemon was killed runs again, and nothing else does.
  expect(extra, `runs beyond the needed ones, seed ${seed}`).toBeLessThanOrEqual(KILLS * CONCURRENCY);

  expect(await requester.count('jobs')).toBe(0);
  expect(await requester.count('jobs.dead')).toBe(
    [...kinds.values()].filter((kind) => kind === 'garbage').length,
  );
}, 180_000);

function finalsOf(statuses: readonly string[] = []): string[] {
  return statuses.filter((status) => status !== 'started');
}

function endedOf(heard: ReadonlyMap<string, readonly string[]>): number {
  let ended = 0;
  for (const statuses of heard.values()) if (finalsOf(statuses).length > 0) ended += 1;
  return ended;
}

function countLines(file: string, prefix: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith(prefix)) continue;
    const id = line.slice(prefix.length);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

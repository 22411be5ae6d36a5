import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { type EmbeddedInspection, inspectEmbedded } from '../../../src/broker/embedded/inspect.ts';
import { eventually } from '../../support/eventually.ts';
import { openInbox } from '../inbox.ts';
import { useQueueFolder } from './queue-folder.ts';

const PROGRAM = fileURLToPath(new URL('../../fixtures/embedded/other-process.ts', import.meta.url));

interface Fact {
  readonly fact: string;
  readonly body?: string;
  readonly redelivered?: boolean;
  readonly crashes?: number;
  readonly at?: number;
  readonly reason?: string;
}

describe('several processes on one queue file', () => {
  const on = useQueueFolder();

  const children: ChildProcess[] = [];

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function other(...args: string[]): {
    child: ChildProcess;
    facts: Fact[];
    said: (fact: string) => Promise<Fact>;
  } {
    const child = spawn(process.execPath, [PROGRAM, on.file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const facts: Fact[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => facts.push(JSON.parse(line) as Fact));
    const said = (fact: string): Promise<Fact> =>
      eventually(() => facts.find((one) => one.fact === fact), `another process to be ${fact}`);
    return { child, facts, said };
  }

  async function send(broker: Broker, ...bodies: string[]): Promise<void> {
    for (const body of bodies) {
      await broker.publish({ exchange: '', routingKey: 'jobs', body: Buffer.from(body), properties: {} });
    }
  }

  test('what another process publishes is delivered within 50 ms', async () => {
    const delays: number[] = [];
    const arrivals = new Map<string, number>();
    const broker = on.open();
    const consumer = broker.consume('jobs', {
      prefetch: 100,
      onDelivery: ({ message }) => arrivals.set(message.body.toString(), Date.now()),
    });
    await eventually(() => consumer.state === 'consuming', 'consuming');
    const { facts } = other('publish', 'jobs', '15');
    await eventually(() => arrivals.size === 15, 'all deliveries');
    await eventually(
      () => facts.filter(({ fact }) => fact === 'published').length === 15,
      'all publications',
    );
    for (const { fact, body = '', at = 0 } of facts) {
      if (fact === 'published') delays.push((arrivals.get(body) ?? Infinity) - at);
    }
    // A machine that is busy with other tests may sleep over one of them.
    delays.sort((a, b) => a - b);
    expect(delays[12]).toBeLessThan(50);
  });

  test('a process that waits for messages does nothing meanwhile', async () => {
    const { child, said } = other('consume', 'jobs', '1');
    await said('consuming');
    const before = cpuMsOf(child);
    const since = performance.now();
    await eventually(() => performance.now() - since > 2000, 'two seconds', 5000);
    expect(cpuMsOf(child) - before).toBeLessThan(100);
  });

  test('what a killed process had in hand comes to another one, in its old place and redelivered', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    await send(broker, '1', '2');
    const victim = other('consume', 'jobs', '2');
    await eventually(() => victim.facts.filter(({ fact }) => fact === 'got').length === 2, 'two deliveries');
    const inbox = openInbox(broker, 'jobs', 10);
    await inbox.consuming();
    await inbox.consumer.pause();
    await send(broker, '3');
    victim.child.kill('SIGKILL');
    await eventually(() => broker.count('jobs').then((count) => count === 3), 'the return of what it had');
    const [jobs] = looked(inspectEmbedded(on.file));
    expect(jobs).toMatchObject({ name: 'jobs', consumers: 0, delivered: 0 });
    inbox.consumer.resume();
    const all = [await inbox.next(), await inbox.next(), await inbox.next()];
    expect(all.map(({ message, redelivered }) => [message.body.toString(), redelivered])).toEqual([
      ['1', true],
      ['2', true],
      ['3', false],
    ]);
  });

  test('a process that dies counts against what it has in hand; for the second time only where that was said', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    await send(broker, '1', '2');
    for (const crashes of [0, 1]) {
      const victim = other('consume', 'jobs', '2', '2');
      const got = () => victim.facts.filter(({ fact }) => fact === 'got');
      await eventually(() => got().length === 2, 'two deliveries');
      expect(got().map((fact) => fact.crashes)).toEqual([crashes, crashes]);
      victim.child.kill('SIGKILL');
      await eventually(() => broker.count('jobs').then((count) => count === 2), 'the return of what it had');
    }
    const last = on.open();
    const inbox = openInbox(last, 'jobs', 2);
    const both = [await inbox.next(), await inbox.next()];
    expect(both.map(({ crashes }) => crashes)).toEqual([1, 2]);
    // An end in order is nothing to count, and a message that goes back begins anew.
    await both[1]?.requeue({ delayMs: 0, headers: {} });
    await last.close(1000);
    const again = openInbox(broker, 'jobs', 2);
    const rest = [await again.next(), await again.next()];
    expect(rest.map(({ crashes }) => crashes)).toEqual([1, 0]);
  });

  test('a process that is only stopped for a while keeps what it has in hand', async () => {
    const broker = on.open();
    await broker.prepare('jobs');
    await send(broker, '1');
    const { child, said } = other('consume', 'jobs', '1');
    await said('got');
    child.kill('SIGSTOP');
    const inbox = openInbox(broker, 'jobs', 10);
    await inbox.consuming();
    const since = performance.now();
    await eventually(() => performance.now() - since > 2500, 'two looks at who is there', 5000);
    expect(inbox.deliveries).toHaveLength(0);
    child.kill('SIGKILL');
    expect((await inbox.next()).message.body.toString()).toBe('1');
  });

  test('a delayed message comes soon after its time, also to another process', async () => {
    const broker = on.open();
    const inbox = openInbox(broker, 'jobs', 1);
    await inbox.consuming();
    await send(broker, '1');
    const delivery = await inbox.next();
    const since = performance.now();
    await delivery.requeue({ delayMs: 150, headers: {} });
    await inbox.next();
    expect(performance.now() - since).toBeLessThan(500);
  });

  test('what was published is there however its publisher ends, and once', async () => {
    const publisher = other('publish', 'jobs', '1000000');
    const broker = on.open();
    await broker.prepare('jobs');
    await eventually(
      () => publisher.facts.filter(({ fact }) => fact === 'published').length > 50,
      'publications',
    );
    publisher.child.kill('SIGKILL');
    await eventually(() => publisher.child.signalCode !== null, 'its end');
    const got: string[] = [];
    const consumer = broker.consume('jobs', {
      prefetch: 1000,
      onDelivery(delivery) {
        got.push(delivery.message.body.toString());
        void delivery.ack();
      },
    });
    await eventually(() => consumer.state === 'consuming', 'consuming');
    await eventually(async () => (await broker.count('jobs')) === 0, 'an empty queue');
    const of = (wanted: string): string[] =>
      publisher.facts.filter(({ fact }) => fact === wanted).map(({ body = '' }) => body);
    expect(got.slice(0, of('published').length)).toEqual(of('published'));
    // The last one may have been committed without its publisher having heard of it.
    expect(of('publishing').slice(0, got.length)).toEqual(got);
    expect(got.length - of('published').length).toBeLessThanOrEqual(1);
  });

  test('a file of another process’s is left behind by nobody who closes', async () => {
    const broker = on.open();
    openInbox(broker, 'jobs');
    await broker.close(2000);
    expect(readdirSync(`${on.file}-owners`)).toEqual([]);
    expect(existsSync(`${on.file}-wal`)).toBe(false);
  });
});

function looked(inspection: EmbeddedInspection | undefined): readonly unknown[] {
  return inspection !== undefined && 'queues' in inspection ? inspection.queues : [];
}

/** Processor time that a process has used so far. */
function cpuMsOf({ pid }: ChildProcess): number {
  // The second field is the program's name in parentheses, and may hold anything.
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BrokerEvents } from '../../../src/broker/broker.ts';
import type { WorkFacts } from '../../../src/daemon/systemd/intake-watch.ts';
import { ServiceReporter } from '../../../src/daemon/systemd/service-reporter.ts';
import type { QueueIntake } from '../../../src/http/queue-intake.ts';
import type { WorkEvents } from '../../../src/job/events.ts';
import { eventually } from '../../support/eventually.ts';
import { NotifySocket } from '../../support/notify-socket.ts';

const OPENING: QueueIntake = { queue: 'a', runner: 'r', state: 'not-consumed' };
const CONSUMING: QueueIntake = { queue: 'a', runner: 'r', state: 'consuming' };
const JOB = { queue: 'a', runner: 'r', id: '1', attempt: 1, redelivered: false };

let dir: string;
let socket: NotifySocket;
let events: EventEmitter<WorkEvents>;
let brokerEvents: EventEmitter<BrokerEvents>;
let reporter: ServiceReporter | undefined;
let facts: Pick<WorkFacts, 'queues' | 'inHand'>;
const log = { info: () => {}, error: () => {} };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rbit-notify-'));
  socket = await NotifySocket.listen(join(dir, 's'));
  events = new EventEmitter();
  brokerEvents = new EventEmitter();
});
afterEach(async () => {
  await reporter?.close();
  await socket.close();
  await rm(dir, { recursive: true });
});

function start(readyLimitMs: number, mask = (text: string): string => text): ServiceReporter {
  const manager = { socket: socket.address, watchdogMs: undefined };
  const made = new ServiceReporter({
    manager,
    events,
    brokerEvents,
    read: () => facts,
    mask,
    log,
    readyLimitMs,
  });
  made.start();
  reporter = made;
  return made;
}

function connect(): void {
  brokerEvents.emit('connection:wanted', { purpose: 'consume' });
  brokerEvents.emit('connection:open', { purpose: 'consume', url: 'amqp://mq' });
}

it('a broker that says neither yes nor no does not make the start time out', async () => {
  facts = { queues: [OPENING], inHand: 0 };
  start(500);
  brokerEvents.emit('connection:wanted', { purpose: 'consume' });
  await socket.said(/^not connected yet; 0 running, 1 queue not consumed$/);
  expect(socket.values('READY')).toStrictEqual([]);
  await eventually(() => socket.values('READY').length === 1, 'READY');
});

it('it is ready as soon as each queue is consumed', async () => {
  facts = { queues: [CONSUMING], inHand: 0 };
  start(60_000);
  connect();
  await eventually(() => socket.values('READY').length === 1, 'READY');
});

it('a start that was not heard is said again', async () => {
  const failed = join(dir, 'failed');
  // The first one fails, as when the manager is busy; the others are the real ones.
  const notify = `#!/bin/sh\n[ -e ${failed} ] || { : > ${failed}; exit 1; }\nexec "$(PATH=${process.env['PATH']} command -v systemd-notify)" "$@"\n`;
  await writeFile(join(dir, 'systemd-notify'), notify, { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = `${dir}:${path}`;
  try {
    facts = { queues: [CONSUMING], inHand: 0 };
    start(60_000);
    connect();
    await eventually(() => socket.values('READY').length === 1, 'READY');
  } finally {
    process.env['PATH'] = path;
  }
});

it('a thousand jobs cost no more messages than one', async () => {
  facts = { queues: [CONSUMING], inHand: 0 };
  const service = start(60_000);
  connect();
  await socket.said(/^0 running$/);
  const before = socket.heard.length;
  for (let inHand = 1; inHand <= 1_000; inHand += 1) {
    facts = { queues: [CONSUMING], inHand };
    events.emit('job:begun', JOB);
  }
  await eventually(() => socket.status === '1000 running', 'the status');
  service.stopping(1_000);
  await socket.said(/^stopping: 1000 running$/);
  expect(socket.heard.length - before).toBe(2);
});

it('nothing in a reason can say anything in the name of the daemon, and no secret is shown', async () => {
  const reason = 'hunter2\nMAINPID=1\u2028WATCHDOG=1';
  facts = { queues: [{ ...OPENING, reason }], inHand: 0 };
  start(60_000, (text) => text.replaceAll('hunter2', '***'));
  brokerEvents.emit('connection:lost', { purpose: 'consume', reason, retryInMs: 1 });
  await socket.said(/^no connection: \*\*\* MAINPID=1 WATCHDOG=1; 0 running/);
  expect(socket.heard.map(({ fields }) => Object.keys(fields).sort())).toStrictEqual([['READY', 'STATUS']]);
});

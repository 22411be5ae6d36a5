import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Connections, createConnections } from '../../src/http/connections.ts';
import type { QueueIntake } from '../../src/http/queue-intake.ts';
import { watchReadiness } from '../../src/http/readiness.ts';
import type { WorkEvents } from '../../src/job/events.ts';

const CONSUMED: QueueIntake = { queue: 'pdf', runner: 'r', state: 'consuming' };

let events: EventEmitter<WorkEvents>;
let connections: Connections;
let queue: QueueIntake;
let readiness: ReturnType<typeof watchReadiness>;

beforeEach(() => {
  events = new EventEmitter();
  connections = createConnections();
  queue = CONSUMED;
  const mask = (text: string): string => text.replaceAll('hunter2', '***');
  readiness = watchReadiness({ events, connections, queues: () => [queue], mask });
});

function connect(): void {
  for (const purpose of ['consume', 'publish']) connections.wanted(purpose);
  for (const purpose of ['consume', 'publish']) connections.open(purpose);
}

describe('a daemon is ready', () => {
  it('not before it has asked for a connection', () => {
    expect(readiness.read()).toStrictEqual({
      ready: false,
      checks: [
        { name: 'broker', ok: false, reason: 'not asked yet' },
        { name: 'queue pdf', ok: true },
      ],
    });
  });

  it('when each wanted connection is open and each queue consumed', () => {
    connections.wanted('consume');
    connections.wanted('publish');
    connections.open('consume');
    expect(readiness.read().checks[0]).toStrictEqual({
      name: 'broker',
      ok: false,
      reason: 'not connected yet (publish)',
    });
    connections.open('publish');
    expect(readiness.read()).toStrictEqual({
      ready: true,
      checks: [
        { name: 'broker', ok: true },
        { name: 'queue pdf', ok: true },
      ],
    });
  });

  it('not while a connection is lost, with the reason, masked; and again when it is back', () => {
    connect();
    connections.lost('consume', 'no such user hunter2');
    expect(readiness.read()).toMatchObject({
      ready: false,
      checks: [{ ok: false, reason: 'no connection: no such user *** (consume)' }, { ok: true }],
    });
    connections.open('consume');
    expect(readiness.read().ready).toBe(true);
  });

  it('not while the broker takes no messages, since no job can be answered', () => {
    connect();
    connections.blocked('publish', 'low on memory');
    expect(readiness.read().checks[0]).toMatchObject({
      ok: false,
      reason: 'the broker takes no messages: low on memory (publish)',
    });
    connections.unblocked('publish');
    expect(readiness.read().ready).toBe(true);
  });

  it('not when a blocked connection is lost before it is unblocked', () => {
    connect();
    connections.blocked('publish', 'low on memory');
    connections.lost('publish', 'closed');
    connections.unblocked('publish');
    expect(readiness.read().ready).toBe(false);
  });

  it('not while the journal cannot be written', () => {
    connect();
    events.emit('journal:lost', { reason: 'disk full', retryInMs: 1 });
    expect(readiness.read()).toMatchObject({
      ready: false,
      checks: [{}, { name: 'journal', ok: false, reason: 'it cannot be written: disk full' }, {}],
    });
    events.emit('journal:open', { file: 'journal.sqlite' });
    expect(readiness.read()).toMatchObject({ ready: true, checks: [{}, { name: 'journal', ok: true }, {}] });
  });

  it.each([
    [{ state: 'not-consumed' }, false, 'not consumed: not opened yet'],
    [{ state: 'not-consumed', reason: 'no queue' }, false, 'not consumed: no queue'],
    [{ state: 'paused', by: 'runner', reason: 'r cannot be started' }, false, 'paused: r cannot be started'],
    [
      { state: 'probing', by: 'runner', reason: 'r cannot be started' },
      false,
      'probing: r cannot be started',
    ],
    [{ state: 'paused', by: 'journal', reason: 'disk full' }, false, 'paused: disk full'],
    [{ state: 'paused', by: 'operator', reason: 'by an operator' }, true, 'paused: by an operator'],
  ] as const)('with a queue that is %j: %s, and says why', (state, ready, reason) => {
    connect();
    queue = { ...CONSUMED, ...state };
    expect(readiness.read()).toStrictEqual({
      ready,
      checks: [
        { name: 'broker', ok: true },
        { name: 'queue pdf', ok: ready, reason },
      ],
    });
  });

  it('not while it stops', () => {
    connect();
    readiness.stop();
    expect(readiness.read()).toMatchObject({
      ready: false,
      checks: [{ name: 'daemon', reason: 'it stops' }, {}, {}],
    });
  });
});

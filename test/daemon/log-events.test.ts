import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BrokerEvents, MessageProperties } from '../../src/broker/broker.ts';
import { logBroker, logWork } from '../../src/daemon/log-events.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, crashed, failed, type Outcome } from '../../src/job/outcome.ts';
import { perform } from '../../src/worker/perform.ts';
import type { Workplace } from '../../src/worker/workplace.ts';
import { type Bench, openBench } from '../worker/bench.ts';
import { policy } from '../worker/policy.ts';

type Line = Record<string, unknown>;

function openMemoryLog(level: string) {
  const lines: Line[] = [];
  const log = pino(
    { level, base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => lines.push(JSON.parse(line) as Line) },
  );
  return { log, lines };
}

describe('a line whose level is off', () => {
  /** Facts that count how often somebody looks at them. */
  function watched<Facts extends object>(facts: Facts): { facts: Facts; looks: () => number } {
    let looks = 0;
    const proxy = new Proxy(facts, {
      get(target, key) {
        looks += 1;
        return Reflect.get(target, key) as unknown;
      },
      ownKeys(target) {
        looks += 1;
        return Reflect.ownKeys(target);
      },
    });
    return { facts: proxy, looks: () => looks };
  }

  const RUN = { queue: 'q', runner: 'r', id: 'x', attempt: 1 };

  it('costs no look at what it would say, until its level is turned on while the daemon runs', () => {
    const { log, lines } = openMemoryLog('info');
    const events = new EventEmitter<WorkEvents>();
    logWork(log, events);
    const begun = watched({ ...RUN, redelivered: false });
    const progress = watched({ ...RUN, percent: 10 });
    events.emit('job:begun', begun.facts);
    events.emit('job:progress', progress.facts);
    expect([begun.looks(), progress.looks(), lines]).toStrictEqual([0, 0, []]);
    log.level = 'debug';
    events.emit('job:begun', begun.facts);
    events.emit('job:progress', progress.facts);
    expect(lines.map(({ level, msg }) => [level, msg])).toStrictEqual([
      ['debug', 'job x of q begun'],
      ['debug', 'job x of q at 10 %'],
    ]);
    log.level = 'warn';
    events.emit('job:output', { ...RUN, line: 'hello' });
    expect(lines).toHaveLength(2);
  });

  it('is none of those that tell of trouble', () => {
    const { log, lines } = openMemoryLog('warn');
    const events = new EventEmitter<BrokerEvents>();
    logBroker(log, events);
    events.emit('connection:open', { purpose: 'publish', url: 'amqp://mq' });
    events.emit('connection:lost', { purpose: 'publish', reason: 'gone', retryInMs: 10 });
    expect(lines).toStrictEqual([
      {
        level: 'warn',
        purpose: 'publish',
        msg: 'no connection (publish): gone (next try in 10ms)',
      },
    ]);
  });
});

describe('the end of a run is one line of JSON', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
    return () => bench.broker.close(1_000);
  });

  /** What is logged, from info on, of one job whose runner returns `outcome`. */
  async function logged(
    outcome: Outcome,
    properties: Partial<MessageProperties> = {},
    change: (at: Workplace) => Workplace = (at) => at,
  ): Promise<Line[]> {
    const { log, lines } = openMemoryLog('info');
    const at = change(bench.workplace(async () => outcome));
    logWork(log, at.events);
    await perform(await bench.deliver(properties), at);
    return lines;
  }

  const OF_THE_JOB = { queue: 'jobs', runner: policy.runner, job: 'c', durationMs: expect.any(Number) };

  it.each<[string, Outcome, Line]>([
    ['completed', completed(), { level: 'info', disposal: 'acknowledged', reply: 'completed' }],
    ['failed', failed('no'), { level: 'warn', disposal: 'acknowledged', reply: 'failed' }],
    [
      'blocked',
      { kind: 'blocked', reason: 'locked', delayMs: 1_000 },
      { level: 'info', disposal: 'put back for 1s', reply: 'none' },
    ],
    [
      'interrupted',
      { kind: 'interrupted', reason: 'stop' },
      { level: 'warn', disposal: 'put back', reply: 'none' },
    ],
    [
      'unavailable',
      { kind: 'unavailable', reason: 'gone' },
      { level: 'warn', disposal: 'put back', reply: 'none' },
    ],
  ])(
    'with what was told to the broker and to the requester, of a job that %s',
    async (kind, outcome, facts) => {
      const lines = await logged(outcome);
      expect(lines).toStrictEqual([
        { ...OF_THE_JOB, ...facts, outcome: kind, attempt: 1, msg: expect.stringContaining(`${kind} after`) },
      ]);
    },
  );

  it('with the last words of a crash', async () => {
    expect(await logged(crashed('exit code 3', 'no space left'))).toMatchObject([
      { outcome: 'failed', detail: 'no space left', reply: 'failed' },
    ]);
  });

  it('that says when nobody wanted a reply, and when nobody can have one', async () => {
    expect(await logged(completed(), { replyTo: undefined as never })).toMatchObject([{ reply: 'none' }]);
    const [dropped, end] = await logged(completed(), {}, (at) => ({
      ...at,
      speech: { ...at.speech, replyAllowed: () => false },
    }));
    expect([dropped?.['level'], end?.['reply']]).toStrictEqual(['warn', 'dropped']);
    const gone = await logged(completed(), { replyTo: 'nobody' });
    expect(gone.filter(({ outcome }) => outcome !== undefined)).toMatchObject([{ reply: 'dropped' }]);
  });
});

import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connections, createConnections } from '../../src/http/connections.ts';
import { createMetrics, type Metrics } from '../../src/http/metrics.ts';
import type { QueueIntake } from '../../src/http/queue-intake.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, crashed, failed, type Outcome } from '../../src/job/outcome.ts';
import { samples } from './samples.ts';
import { eventually } from '../support/eventually.ts';

const RUN = { queue: 'pdf', runner: 'r', id: 'job-1', attempt: 1 };
const OF_RUN = '{queue="pdf",runner="r"}';

let events: EventEmitter<WorkEvents>;
let connections: Connections;
let queues: QueueIntake[];
let metrics: Metrics;
let isReady: boolean;

beforeEach(() => {
  events = new EventEmitter();
  connections = createConnections();
  queues = [{ queue: 'pdf', runner: 'r', state: 'consuming' }];
  isReady = true;
  metrics = createMetrics({
    version: '1.2.3',
    events,
    connections,
    queues: () => queues,
    isReady: () => isReady,
  });
});

afterEach(() => metrics.stop());

const read = async (): Promise<Map<string, number>> => samples(await metrics.read());

function end(
  outcome: Outcome,
  facts: { isFinal?: boolean; goesBack?: boolean; isRepeated?: boolean } = {},
): void {
  const { isFinal = true, goesBack = false, isRepeated = false } = facts;
  const said = { durationMs: 1, disposal: '', reply: 'none', because: '' } as const;
  events.emit('job:ended', { ...RUN, ...said, outcome, isFinal, goesBack, isRepeated });
}

describe('jobs', () => {
  it('are counted by queue, runner and outcome', async () => {
    end(completed());
    end(completed());
    end(failed('no such cart'));
    end({ kind: 'blocked', reason: 'locked' }, { isFinal: false, goesBack: true });
    end({ kind: 'interrupted', reason: 'stop' }, { isFinal: false, goesBack: true });
    end({ kind: 'unavailable', reason: 'missing' }, { isFinal: false, goesBack: true });
    const found = await read();
    const count = (outcome: string): number | undefined =>
      found.get(`rbit_jobs_total{queue="pdf",runner="r",outcome="${outcome}"}`);
    expect(count('completed')).toBe(2);
    for (const outcome of ['failed', 'blocked', 'interrupted', 'unavailable'])
      expect(count(outcome), outcome).toBe(1);
    expect(found.get(`rbit_retries_total${OF_RUN}`)).toBe(0);
  });

  it('that fail and run again are retries, and no failures', async () => {
    end(crashed('exit code 1'), { isFinal: false, goesBack: true });
    const found = await read();
    expect(found.get(`rbit_retries_total${OF_RUN}`)).toBe(1);
    expect(found.get('rbit_jobs_total{queue="pdf",runner="r",outcome="failed"}')).toBe(0);
  });

  it('whose message comes again after their end are not counted again, but as a redelivery', async () => {
    end(completed());
    end(completed(), { isRepeated: true });
    const found = await read();
    expect(found.get('rbit_jobs_total{queue="pdf",runner="r",outcome="completed"}')).toBe(1);
    expect(found.get(`rbit_redeliveries_total${OF_RUN}`)).toBe(1);
  });

  it('that were answered before, and are only kept, are not counted again', async () => {
    end(failed('given up'), { isFinal: false });
    const found = await read();
    expect(found.get(`rbit_retries_total${OF_RUN}`)).toBe(0);
    expect(found.get('rbit_jobs_total{queue="pdf",runner="r",outcome="failed"}')).toBe(0);
  });

  it('run from their beginning to the end of their run, which is what their duration is', async () => {
    events.emit('job:begun', { ...RUN, redelivered: false });
    expect((await read()).get(`rbit_jobs_running${OF_RUN}`)).toBe(1);
    events.emit('job:ran', { ...RUN, durationMs: 2_500 });
    const found = await read();
    expect(found.get(`rbit_jobs_running${OF_RUN}`)).toBe(0);
    expect(found.get(`rbit_job_duration_seconds_sum${OF_RUN}`)).toBe(2.5);
    expect(found.get('rbit_job_duration_seconds_bucket{le="1",queue="pdf",runner="r"}')).toBe(0);
    expect(found.get('rbit_job_duration_seconds_bucket{le="5",queue="pdf",runner="r"}')).toBe(1);
  });

  it('of a queue that has had none yet are zero, so that the first one is an increase', async () => {
    const found = await read();
    for (const name of [
      'rbit_jobs_total{queue="pdf",runner="r",outcome="completed"}',
      'rbit_jobs_total{queue="pdf",runner="r",outcome="failed"}',
      `rbit_retries_total${OF_RUN}`,
      `rbit_redeliveries_total${OF_RUN}`,
      `rbit_jobs_running${OF_RUN}`,
      `rbit_job_duration_seconds_count${OF_RUN}`,
      `rbit_job_wait_seconds_count${OF_RUN}`,
      'rbit_replies_total{status="completed"}',
      'rbit_replies_dropped_total',
    ])
      expect(found.get(name), name).toBe(0);
  });

  it('that came before the first look are still counted after it', async () => {
    events.emit('job:begun', { ...RUN, redelivered: false });
    events.emit('job:ran', { ...RUN, durationMs: 10 });
    for (let look = 0; look < 2; look += 1)
      expect((await read()).get(`rbit_job_duration_seconds_count${OF_RUN}`)).toBe(1);
  });

  it('that came again are redeliveries, whether they run again or are joined', async () => {
    events.emit('job:begun', { ...RUN, redelivered: true });
    events.emit('job:joined', RUN);
    expect((await read()).get(`rbit_redeliveries_total${OF_RUN}`)).toBe(2);
  });
});

describe('the wait', () => {
  it.each([
    ['is told in seconds', 2_500, 1, 2.5],
    ['is nothing when the clocks of two hosts differ a little', -3_000, 1, 0],
    ['is not known of a time stamp in the future', -3_600_000, 0, 0],
    ['is not known of a time stamp of 1970', 50 * 365 * 86_400_000, 0, 0],
  ])('%s', async (_, waitedMs, count, sum) => {
    events.emit('job:begun', { ...RUN, redelivered: false, waitedMs });
    const found = await read();
    expect(found.get(`rbit_job_wait_seconds_count${OF_RUN}`)).toBe(count);
    expect(found.get(`rbit_job_wait_seconds_sum${OF_RUN}`)).toBe(sum);
  });
});

describe('replies', () => {
  it('are counted by status, and those that are dropped without', async () => {
    for (const status of ['started', 'completed', 'completed']) events.emit('reply:sent', { status });
    events.emit('reply:dropped', {
      runner: 'r',
      replyTo: 'gone',
      status: 'started',
      reason: '',
      isRepeated: true,
    });
    const found = await read();
    expect(found.get('rbit_replies_total{status="started"}')).toBe(1);
    expect(found.get('rbit_replies_total{status="completed"}')).toBe(2);
    expect(found.get('rbit_replies_dropped_total')).toBe(1);
  });
});

describe('queues', () => {
  const facts = async (): Promise<[number | undefined, number | undefined]> => {
    const found = await read();
    return [found.get('rbit_queue_consumed{queue="pdf"}'), found.get('rbit_queue_paused{queue="pdf"}')];
  };

  it.each([
    [{ state: 'consuming' }, [1, 0]],
    [{ state: 'not-consumed' }, [0, 0]],
    [{ state: 'paused', by: 'operator' }, [0, 1]],
    [{ state: 'paused', by: 'runner' }, [0, 1]],
    [{ state: 'probing', by: 'runner' }, [1, 1]],
  ] as const)('that are %j are consumed and paused: %j', async (state, expected) => {
    queues = [{ queue: 'pdf', runner: 'r', ...state }];
    expect(await facts()).toStrictEqual(expected);
  });

  it('that are taken out of the configuration are not told of any more, but their jobs stay counted', async () => {
    end(completed());
    await read();
    queues = [{ queue: 'other', runner: 'r', state: 'consuming' }];
    expect(await facts()).toStrictEqual([undefined, undefined]);
    const found = await read();
    expect(found.get('rbit_queue_consumed{queue="other"}')).toBe(1);
    expect(found.get('rbit_jobs_total{queue="pdf",runner="r",outcome="completed"}')).toBe(1);
  });
});

describe('the daemon itself', () => {
  it('tells whether it is ready and connected, and how often it was connected again', async () => {
    connections.wanted('consume');
    isReady = false;
    expect((await read()).get('rbit_connected{connection="consume"}')).toBe(0);
    for (let time = 0; time < 3; time += 1) connections.open('consume');
    const found = await read();
    expect(found.get('rbit_ready')).toBe(0);
    expect(found.get('rbit_connected{connection="consume"}')).toBe(1);
    expect(found.get('rbit_reconnects_total{connection="consume"}')).toBe(2);
  });

  it('tells its version and what it uses', async () => {
    const found = await read();
    expect(found.get(`rbit_build_info{version="1.2.3",node="${process.version}"}`)).toBe(1);
    expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(found.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(found.get('process_open_fds')).toBeGreaterThan(2);
    expect(found.get('process_start_time_seconds')).toBeCloseTo(performance.timeOrigin / 1000, 0);
  });

  it('measures how late its event loop is', async () => {
    await eventually(async () => {
      for (const until = performance.now() + 300; performance.now() < until; );
      return ((await read()).get('rbit_event_loop_lag_seconds_sum') ?? 0) > 0.1;
    }, 'a timer that was late');
  });
});

describe('the names', () => {
  it('are of Prometheus: counters end in _total, each has a help text, and no unit but seconds and bytes is in them', async () => {
    const text = await metrics.read();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
      name,
      type,
    }));
    expect(types.length).toBeGreaterThan(15);
    for (const { name, type } of types) {
      expect(name).toMatch(/^(?:rbit|process|nodejs)_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(?:ms|milliseconds|minutes|kb|mb|percent)(?:_|$)/);
      expect(text).toMatch(new RegExp(`^# HELP ${name} .{10}`, 'm'));
    }
  });

  it('are all in README.md', async () => {
    const readme = readFileSync('README.md', 'utf8');
    const names = [...(await metrics.read()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toStrictEqual([]);
  });

  it('in README.md are all there', async () => {
    const text = await metrics.read();
    const named = [...readFileSync('README.md', 'utf8').matchAll(/\b(?:rbit|process|nodejs)_[a-z_]+\b/g)];
    const names = named.map(([name]) => name.replace(/_bucket$/, '')).filter((name) => name !== 'rbit_ts');
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !text.includes(`# TYPE ${name} `))).toStrictEqual([]);
  });

  it('of series come from the configuration alone: no message adds one', async () => {
    // What the first jobs of a queue add, whatever they are.
    const one = (id: string, status: string): void => {
      events.emit('job:begun', { ...RUN, id, redelivered: true, waitedMs: 1 });
      events.emit('job:output', { ...RUN, id, line: id });
      events.emit('job:progress', { ...RUN, id, percent: 1, message: id });
      events.emit('job:ran', { ...RUN, id, durationMs: 1 });
      end(failed(id));
      events.emit('reply:sent', { status });
      events.emit('reply:dropped', { runner: id, replyTo: id, status, reason: id, isRepeated: false });
    };
    one('first', 'unknown');
    const before = (await read()).size;
    for (let job = 0; job < 50; job += 1) one(`job-${job}`, `status_${job}`);
    expect((await read()).size).toBe(before);
  });
});

import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { type JobRecords, MOST_ENDED, MOST_OUTPUT, recordJobs } from '../../src/http/job-records.ts';
import { LONGEST_OUTPUT } from '../../src/http/output-tail.ts';
import { createRunKeys, runDetails } from '../../src/http/run-details.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, crashed, type Outcome } from '../../src/job/outcome.ts';
import { collectGarbage } from '../support/collect-garbage.ts';

const keys = createRunKeys('boot1');
const mask = (text: string): string => text.replaceAll('hunter2', '***');

let events: EventEmitter<WorkEvents>;
let records: JobRecords;
let lastRun: number;

beforeEach(() => {
  events = new EventEmitter();
  records = recordJobs(events);
  lastRun = 0;
});

/** All runs have one id and one queue: only their number tells them apart. */
function facts(run: number) {
  return { queue: 'q', runner: 'r', id: 'of hunter2', attempt: 1, run };
}

function begin(): number {
  lastRun += 1;
  events.emit('job:begun', { ...facts(lastRun), redelivered: false });
  return lastRun;
}

function say(run: number, line: string): void {
  events.emit('job:output', { ...facts(run), line });
}

function end(run: number, outcome: Outcome = completed(), more: { keptAt?: string } = {}): void {
  events.emit('job:ran', { ...facts(run), durationMs: 5 });
  const how = { outcome, isFinal: true, goesBack: false, isRepeated: false, durationMs: 7 };
  events.emit('job:ended', {
    ...facts(run),
    ...how,
    disposal: 'acknowledged',
    because: 'so',
    ...more,
  } as never);
}

function details(run: number) {
  const record = records.find(run);
  return record === undefined ? undefined : runDetails(record, keys, mask);
}

describe('the records', () => {
  it('give each of two equal jobs its own output', () => {
    const [one, other] = [begin(), begin()];
    say(one, 'mine');
    say(other, 'yours');
    end(other);
    expect(details(one)?.output.text).toBe('mine');
    expect(details(other)?.output.text).toBe('yours');
    expect(details(one)).toMatchObject({ key: 'boot1-1', begunAt: expect.any(Number) as number });
    expect(details(one)?.outcome).toBeUndefined();
    expect(details(other)).toMatchObject({ outcome: 'completed', ranMs: 5, tookMs: 7, reason: 'so' });
  });

  it('show no secret', () => {
    const run = begin();
    say(run, 'hunter2');
    end(run, crashed('exit code 1', 'at hunter2'));
    expect(JSON.stringify(details(run))).not.toContain('hunter2');
    expect(details(run)).toMatchObject({ id: 'of ***', detail: 'at ***', output: { text: '***' } });
  });

  it('keep the last ones that completed, and apart from them the last ones that did not', () => {
    const bad = begin();
    end(bad, crashed('no'));
    for (let count = 0; count < MOST_ENDED + 10; count += 1) end(begin());
    const ended = records.ended(0);
    expect(ended).toHaveLength(MOST_ENDED + 1);
    expect(ended.at(-1)?.run).toBe(bad);
    expect(ended[0]?.run).toBe(lastRun);
    expect(records.find(bad + 10)).toBeUndefined();
    expect(records.find(bad + 11)).toBeDefined();
  });

  it('tell what ended since, the newest first', () => {
    for (let count = 0; count < 3; count += 1) end(begin());
    const [newest] = records.ended(0);
    end(begin(), crashed('no'));
    end(begin());
    expect(records.ended(newest?.end?.sequence ?? 0).map(({ run }) => run)).toStrictEqual([5, 4]);
  });

  it('know a job that never ran', () => {
    end(7, crashed('not JSON'), { keptAt: '2026-01-01T00:00:00.000Z' });
    expect(details(7)).toMatchObject({ begunAt: null, isKept: true, outcome: 'failed' });
  });

  it('keep the end of a long output, in lines that are cut', () => {
    const run = begin();
    for (let line = 0; line < 1_000; line += 1) say(run, `${line} ${'x'.repeat(200)}`);
    say(run, 'y'.repeat(1_000_000));
    const { text, dropped } = details(run)?.output ?? { text: '', dropped: 0 };
    expect(text.length).toBeLessThanOrEqual(LONGEST_OUTPUT);
    expect(text.length).toBeGreaterThan(LONGEST_OUTPUT - 3_000);
    const lines = text.split('\n');
    expect(lines.at(-1)).toBe(`${'y'.repeat(2_000)}…`);
    expect(lines.length + dropped).toBe(1_001);
    expect(lines[0]).toMatch(new RegExp(`^${dropped} x`));
  });

  it('let the outputs of the oldest jobs go when there is too much of all', () => {
    const fill = (run: number): void => {
      for (let line = 0; line < 40; line += 1) say(run, 'z'.repeat(1_600));
    };
    const first = begin();
    fill(first);
    end(first);
    for (let count = 0; count < MOST_OUTPUT / 64_000; count += 1) {
      const run = begin();
      fill(run);
      end(run);
    }
    expect(details(first)?.output).toStrictEqual({ text: '', dropped: 0, isGone: true });
    expect(details(lastRun)?.output.text.length).toBeGreaterThan(60_000);
  });

  it('keep no more of jobs that run than of all, however many they are', () => {
    const runs = Array.from({ length: 200 }, begin);
    for (let line = 0; line < 40; line += 1) for (const run of runs) say(run, 'z'.repeat(1_600));
    const lengths = runs.map((run) => details(run)?.output.text.length ?? 0);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(MOST_OUTPUT);
    for (const run of runs) end(run);
    say(begin(), 'more');
    expect(details(lastRun)?.output.text).toBe('more');
  });

  it('keep nothing of what a short line was read with', () => {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const runs = Array.from({ length: 20 }, begin);
    for (const run of runs)
      for (let chunk = 0; chunk < 40; chunk += 1)
        for (const line of `${randomBytes(32_768).toString('hex')}\na line of a few words`.split('\n'))
          if (line.length < 100) say(run, line);
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * 1024 * 1024);
  });

  it('take a key of another process, or of nobody, for no run', () => {
    expect(keys.runOf('boot1-5')).toBe(5);
    for (const key of ['boot2-5', 'boot1-', '5', '', 'boot1-5x', '__proto__', `boot1-${'9'.repeat(30)}`])
      expect(keys.runOf(key), key).toBeUndefined();
  });
});

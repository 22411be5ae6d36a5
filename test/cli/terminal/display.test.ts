import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDisplay } from '../../../src/cli/terminal/display.ts';
import { formatElapsed } from '../../../src/cli/terminal/elapsed.ts';
import { progressBar } from '../../../src/cli/terminal/progress-bar.ts';
import { cut, widthOf } from '../../../src/cli/terminal/terminal-text.ts';
import type { JobEvent } from '../../../src/client/job-event.ts';
import { eventually } from '../../support/eventually.ts';

const HOSTILE = 'a\u{1b}[31mb\u{1b}[2J\u{9b}5A\r\u{7}\u{202e}c\u{2028}d\te';

/** Keeps what a display writes; with `columns` it is a terminal. */
function makeStream(columns?: number): {
  written: string;
  isTTY: boolean;
  columns?: number;
  write(text: string): void;
} {
  return {
    written: '',
    isTTY: columns !== undefined,
    ...(columns === undefined ? {} : { columns }),
    write(text) {
      this.written += text;
    },
  };
}

function shown(events: readonly JobEvent[], options: { json?: boolean; columns?: number } = {}): string {
  const stream = makeStream(options.columns);
  const mask = (text: string): string => text.replaceAll('hunter2', '***');
  const display = createDisplay({ json: options.json === true, stream, mask });
  for (const event of events) display.show(event);
  display.close();
  return stream.written;
}

beforeEach(() => {
  vi.stubEnv('TERM', 'xterm');
  vi.stubEnv('NO_COLOR', undefined);
  vi.stubEnv('LC_ALL', 'C.UTF-8');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const LIFE: readonly JobEvent[] = [
  { event: 'submitted', id: 'x1', queue: 'pdf' },
  { event: 'started' },
  { event: 'output', line: '  a line\twith a tab ' },
  { event: 'progress', percent: 40.9, message: 'page 4 of 10' },
  { event: 'progress', percent: 50 },
];

describe('where no terminal is', () => {
  it('each event is a line that begins with its name', () => {
    expect(shown([...LIFE, { event: 'completed', data: { pages: 10 } }]).split('\n')).toStrictEqual([
      'submitted x1 to pdf',
      'started',
      'output   a line\twith a tab ',
      'progress 40% page 4 of 10',
      'progress 50%',
      'completed {"pages":10}',
      '',
    ]);
  });

  it.each<[JobEvent, string]>([
    [{ event: 'completed' }, 'completed'],
    [{ event: 'completed', data: null }, 'completed null'],
    [{ event: 'failed', message: 'no such package' }, 'failed: no such package'],
    [{ event: 'failed', message: 'two\nlines\n', data: { a: 1 } }, 'failed: two\\nlines {"a":1}'],
    [{ event: 'blocked', reason: 'locked', delayMs: 600_000 }, 'blocked: locked (would run again in 10m)'],
    [{ event: 'unavailable', reason: 'no such program' }, 'unavailable: no such program'],
    [
      { event: 'retrying', message: 'exit code 3', delayMs: 10_000 },
      'retrying: exit code 3 (would run again in 10s)',
    ],
  ])('%j', (event, line) => {
    expect(shown([event])).toBe(`${line}\n`);
  });

  it('a dumb terminal is none', () => {
    vi.stubEnv('TERM', 'dumb');
    expect(shown([{ event: 'started' }], { columns: 80 })).toBe('started\n');
  });
});

describe('with --json', () => {
  it('each event is one line of JSON, the same as it was, in characters that move no cursor', () => {
    const events: JobEvent[] = [
      ...LIFE,
      { event: 'output', line: HOSTILE },
      { event: 'failed', message: 'a\nb' },
    ];
    const written = shown(events, { json: true });
    expect(
      written
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toStrictEqual(events);
    expect(written).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('is the same on a terminal', () => {
    expect(shown([{ event: 'started' }], { json: true, columns: 80 })).toBe('{"event":"started"}\n');
  });
});

describe('what comes from jobs', () => {
  it.each([undefined, 80])('moves no cursor and brings no colours (columns: %s)', (columns) => {
    vi.stubEnv('NO_COLOR', '1');
    const events: JobEvent[] = [
      { event: 'output', line: HOSTILE },
      { event: 'progress', percent: 1, message: HOSTILE },
      { event: 'failed', message: HOSTILE, data: { [HOSTILE]: HOSTILE } },
    ];
    const written = shown(events, columns === undefined ? {} : { columns }).replaceAll('\r\u{1b}[K', '');
    expect(written).toContain('ab');
    expect(written).toMatch(/^(?:[\t\n]|[^\p{Cc}\p{Cf}\u2028\u2029])*$/u);
  });

  it.each([{}, { json: true }, { columns: 80 }])('shows no secret (%j)', (options) => {
    const written = shown(
      [
        { event: 'output', line: 'the password is hunter2' },
        { event: 'progress', percent: 1, message: 'hunter2' },
        { event: 'completed', data: 'hunter2' },
      ],
      options,
    );
    expect(written).toContain('***');
    expect(written).not.toContain('hunter2');
  });
});

describe('on a terminal', () => {
  const CLEAR = '\r\u{1b}[K';

  /** What stood on the last line, one entry for each time it was drawn. */
  function frames(written: string): string[] {
    return written.split(CLEAR).map((part) => part.slice(part.lastIndexOf('\n') + 1));
  }

  it('output scrolls above one line with state, time and progress, and the end is a line that stays', () => {
    vi.stubEnv('NO_COLOR', '1');
    const written = shown([...LIFE, { event: 'completed', data: { pages: 10 } }], { columns: 100 });
    expect(written).toContain(`${CLEAR}  a line\twith a tab \nrunning  0.0s`);
    expect(written).toMatch(/completed in 0\.\ds\n\{\n {2}"pages": 10\n\}\n$/);
  });

  it('the line is drawn again by itself, with the bar and the latest message', async () => {
    vi.stubEnv('NO_COLOR', '1');
    const stream = makeStream(100);
    const display = createDisplay({ json: false, stream, mask: (text) => text });
    for (const event of LIFE.slice(0, 4)) display.show(event);
    const bar = `${'█'.repeat(9)}${'░'.repeat(15)} 40%  page 4 of 10`;
    await eventually(
      () => frames(stream.written).some((frame) => frame.endsWith(bar)),
      'a frame with the bar',
    );
    display.close();
    const { written } = stream;
    expect(written.endsWith(CLEAR)).toBe(true);
    display.close();
    display.note('after the end');
    expect(stream.written).toBe(`${written}after the end\n`);
  });

  it.each([1, 5, 20, 40, 59, 80])('the line never wraps: %d columns', (columns) => {
    const stream = makeStream(columns);
    const display = createDisplay({ json: false, stream, mask: (text) => text });
    display.show({ event: 'progress', percent: 50, message: `${'漢字'.repeat(30)}👩🏽‍🚀é`.repeat(9) });
    display.show({ event: 'output', line: 'x' });
    display.hint('waiting in the queue (is the daemon running?)');
    display.show({ event: 'output', line: 'x' });
    display.close();
    for (const frame of frames(stream.written)) {
      // oxlint-disable-next-line no-control-regex -- colours are control characters, and have no width
      expect(widthOf(frame.replaceAll(/\u{1b}\[\d+m/gu, ''))).toBeLessThanOrEqual(Math.max(1, columns - 1));
    }
  });

  it('says what a queued job waits for, until it has started', () => {
    vi.stubEnv('NO_COLOR', '1');
    const stream = makeStream(100);
    const display = createDisplay({ json: false, stream, mask: (text) => text });
    display.show({ event: 'submitted', id: 'x', queue: 'q' });
    display.hint('is the daemon running?');
    display.note('connected again');
    display.show({ event: 'started' });
    display.note('x');
    display.close();
    expect(frames(stream.written).slice(-3)).toStrictEqual([
      'queued  0.0s  is the daemon running?',
      'running  0.0s',
      '',
    ]);
  });

  it('has colours, unless NO_COLOR is set', () => {
    expect(shown([{ event: 'completed' }], { columns: 80 })).toContain('\u{1b}[32mcompleted\u{1b}[39m');
    vi.stubEnv('NO_COLOR', '1');
    expect(shown([{ event: 'completed' }], { columns: 80 })).toMatch(/(?:^|K)completed in/);
  });
});

describe('parts of a line', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['漢字漢', 5, '漢字…'],
    ['漢字漢', 4, '漢…'],
    ['éab', 3, 'éab'],
    ['abc', 0, ''],
  ])('cut %j to %d columns', (text, columns, expected) => {
    expect(cut(text, columns)).toBe(expected);
  });

  it.each([
    [0, '0.0s'],
    [3_499, '3.4s'],
    [59_999, '59.9s'],
    [65_000, '1m 05s'],
    [7_380_000, '2h 03m'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatElapsed(ms)).toBe(text);
  });

  it('a bar keeps its width whatever the percentage is, and is plain ASCII where the locale is', () => {
    for (const percent of [-1, 0, 33.3, 100, 1000, Number.NaN])
      expect(progressBar(percent, 10, {})).toHaveLength(10);
    expect(progressBar(50, 4, { LANG: 'C' })).toBe('##--');
    expect(progressBar(50, 4, { LANG: 'en_US.UTF-8' })).toBe('██░░');
  });
});

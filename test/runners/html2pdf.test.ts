import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import { makeRunner } from '../processors/harness.ts';
import { runOnce } from './run-once.ts';

/** What a shell script needs, and no browser. */
const COMMON = ['sh', 'base64', 'cat', 'mktemp', 'mv', 'rm', 'tr'];

/** Stand-ins for the three programs: each notes its arguments and writes what it was to print. */
const PROGRAMS: Readonly<Record<string, string>> = {
  chromium: `#!/bin/sh
printf '%s\\n' "$0" "$@" >"$NOTES"
for word; do case $word in --print-to-pdf=*) echo "PDF by chromium" >"\${word#*=}" ;; esac; done`,
  wkhtmltopdf: `#!/bin/sh
printf '%s\\n' "$0" "$@" >"$NOTES"
while [ $# -gt 2 ]; do shift; done
{ echo "PDF by wkhtmltopdf"; [ "$1" != - ] || cat; } >"$2"`,
  weasyprint: '#!BIN/its-python -s\n',
  'its-python': `#!/bin/sh
printf '%s\\n' "$0" "$1" "$4" >"$NOTES"
{ echo "PDF by weasyprint"; [ "$4" != - ] || cat; } >"$5"`,
  curl: `#!/bin/sh
echo "curl: (22) 404" >&2; exit 22`,
};

interface Place {
  readonly dir: string;
  readonly pdf: string;
  readonly bin: string;
}

function makePlace(...programs: readonly string[]): Place {
  const dir = mkdtempSync(join(tmpdir(), 'rbit-html2pdf-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const [pdf, bin] = [join(dir, 'pdf'), join(dir, 'bin')];
  for (const folder of [pdf, bin]) mkdirSync(folder);
  for (const name of COMMON) {
    symlinkSync(
      execFileSync('/bin/sh', ['-c', `command -v ${name}`])
        .toString()
        .trim(),
      join(bin, name),
    );
  }
  for (const name of programs) {
    writeFileSync(join(bin, name), (PROGRAMS[name] ?? '').replace('BIN', bin));
    chmodSync(join(bin, name), 0o755);
  }
  return { dir, pdf, bin };
}

const PAGE = 'shell!sh runners/html2pdf.sh %ID.pdf %{parameters.url}';
const HTML = 'shell!sh runners/html2pdf.sh %ID.pdf';

async function convert(
  { dir, pdf, bin }: Place,
  { line = PAGE, body = {} as unknown, id = 'm9003', settings = {} },
): Promise<{ outcome: Outcome; lines: readonly string[] }> {
  const runner = makeRunner(line, {
    directory: resolve('.'),
    settings: { 'output-dir': pdf, ...settings },
    env: { PATH: bin, TMPDIR: dir, NOTES: join(dir, 'notes') },
  });
  await runner.start();
  return runOnce(runner, body, { id });
}

const page = (url: string) => ({ parameters: { url } });

function notes({ dir }: Place): string[] {
  const file = join(dir, 'notes');
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}

describe('a page', () => {
  it.each(['chromium', 'wkhtmltopdf'])('becomes a PDF by %s, named by the job', async (program) => {
    const place = makePlace(program);
    const url = "https://example.com/a?b=c&d='e'$(f)";
    expect(await convert(place, { body: page(url) })).toStrictEqual({
      outcome: { kind: 'completed' },
      lines: [join(place.pdf, 'm9003.pdf')],
    });
    expect(readFileSync(join(place.pdf, 'm9003.pdf'), 'utf8')).toBe(`PDF by ${program}\n`);
    expect(notes(place)).toContain(url);
    expect(readdirSync(place.pdf), 'nothing half done is left').toStrictEqual(['m9003.pdf']);
    expect(readdirSync(place.dir).sort()).toStrictEqual(['bin', 'notes', 'pdf']);
  });

  it('becomes a PDF by the Python that weasyprint has', async () => {
    const place = makePlace('weasyprint', 'its-python');
    const { outcome } = await convert(place, { body: page('https://example.com/') });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(readFileSync(join(place.pdf, 'm9003.pdf'), 'utf8')).toBe('PDF by weasyprint\n');
    expect(notes(place)).toStrictEqual([join(place.bin, 'its-python'), '-s', 'https://example.com/']);
  });

  it('that cannot be fetched is not printed by chromium: the job fails', async () => {
    const place = makePlace('chromium', 'curl');
    const { outcome } = await convert(place, { body: page('https://example.com/gone') });
    expect(outcome).toMatchObject({ kind: 'failed', message: expect.stringContaining('404') });
    expect(readdirSync(place.pdf)).toStrictEqual([]);
  });

  it('is made anew when its job runs again', async () => {
    const place = makePlace('chromium');
    writeFileSync(join(place.pdf, 'm9003.pdf'), 'old');
    writeFileSync(join(place.pdf, '.m9003.pdf.part'), 'half');
    await convert(place, { body: page('http://example.com/') });
    expect(readFileSync(join(place.pdf, 'm9003.pdf'), 'utf8')).toBe('PDF by chromium\n');
  });

  it.each([
    'file:///etc/passwd',
    'FILE:///etc/passwd',
    '',
    '--version',
    '-',
    '/etc/passwd',
    'javascript:alert(1)',
    'https://example.com/ --allow /etc',
    'https://example.com/\nx',
    'data:text/html,x',
  ])('that is %j is not fetched: the job fails', async (url) => {
    const place = makePlace('chromium', 'wkhtmltopdf');
    expect((await convert(place, { body: page(url) })).outcome).toMatchObject({
      kind: 'failed',
      retryable: false,
      message: expect.stringContaining('URL'),
    });
    expect(notes(place)).toStrictEqual([]);
    expect(readdirSync(place.pdf)).toStrictEqual([]);
  });

  it('is to be on the list, if there is one', async () => {
    const place = makePlace('chromium');
    const settings = { allow: 'https://docs.example.com/* file:///srv/pages/*' };
    const run = async (url: string) => (await convert(place, { body: page(url), settings })).outcome.kind;
    expect(await run('https://docs.example.com/x')).toBe('completed');
    expect(await run('file:///srv/pages/x.html')).toBe('completed');
    for (const url of [
      'https://example.com/',
      'https://docs.example.com.example.net/',
      'http://docs.example.com/x',
      'file:///srv/pages/../x',
      'file:///srv/pages/%2e%2e/x',
    ]) {
      expect(await run(url), url).toBe('failed');
    }
  });
});

describe('HTML', () => {
  const html = '<h1>Größe</h1>';

  it('becomes a PDF by wkhtmltopdf, which is to read no files', async () => {
    const place = makePlace('chromium', 'wkhtmltopdf');
    const { outcome } = await convert(place, { line: HTML, body: html });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(readFileSync(join(place.pdf, 'm9003.pdf'), 'utf8')).toBe(`PDF by wkhtmltopdf\n${html}`);
    expect(notes(place)).toContain('--disable-local-file-access');
  });

  it('becomes a PDF by chromium as a page of no origin', async () => {
    const place = makePlace('chromium');
    const { outcome } = await convert(place, { line: HTML, body: html });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    const data = `data:text/html;charset=utf-8;base64,${Buffer.from(html).toString('base64')}`;
    expect(notes(place)).toContain(data);
  });

  it('that chromium could not be handed fails, and says what can take it', async () => {
    const { outcome } = await convert(makePlace('chromium'), { line: HTML, body: 'x'.repeat(100_000) });
    expect(outcome).toMatchObject({ kind: 'failed', message: expect.stringContaining('weasyprint') });
    const large = { line: HTML, body: 'x'.repeat(98_000) };
    expect((await convert(makePlace('chromium'), large)).outcome).toStrictEqual({ kind: 'completed' });
  });
});

it.each(['../m', '/tmp/m', '.m', '-m', 'a/b', 'a\nb', 'x'.repeat(250)])(
  'the job id %j is no name of a file: the job fails',
  async (id) => {
    const place = makePlace('chromium');
    const { outcome } = await convert(place, { id, body: page('https://example.com/') });
    expect(outcome).toMatchObject({
      kind: 'failed',
      retryable: false,
      message: expect.stringContaining('job id'),
    });
    expect(notes(place)).toStrictEqual([]);
    expect(readdirSync(place.dir).sort()).toStrictEqual(['bin', 'pdf']);
  },
);

it.each([
  [PAGE, page('https://example.com/')],
  [HTML, '<h1>Hi</h1>'],
])('without a program the queue waits: %s', async (line, body) => {
  const { outcome } = await convert(makePlace(), { line, body });
  expect(outcome).toStrictEqual({
    kind: 'unavailable',
    reason: expect.stringContaining('install chromium, wkhtmltopdf or weasyprint'),
  });
});

it('without a folder to write to the queue waits', async () => {
  const settings = { 'output-dir': '/nonexistent' };
  const { outcome } = await convert(makePlace('chromium'), { body: page('https://example.com/'), settings });
  expect(outcome).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('output-dir') });
});

it('a program that makes nothing has failed, and so has one that fails', async () => {
  for (const script of ['#!/bin/sh\nexit 0', '#!/bin/sh\necho "no such host" >&2\nexit 1']) {
    const place = makePlace();
    writeFileSync(join(place.bin, 'chromium'), script);
    chmodSync(join(place.bin, 'chromium'), 0o755);
    const { outcome } = await convert(place, { body: page('https://example.com/') });
    expect(outcome).toMatchObject({ kind: 'failed', retryable: true });
    expect(readdirSync(place.pdf)).toStrictEqual([]);
  }
});

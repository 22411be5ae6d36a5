import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/job/outcome.ts';
import type { Runner } from '../../src/job/runner.ts';
import { runOnce, shippedRunner } from './run-once.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbit-output-'));
afterAll(() => rmSync(folder, { recursive: true }));
const logs = join(folder, 'logs');
mkdirSync(logs);

async function start(settings: Readonly<Record<string, string>> = {}): Promise<Runner> {
  const runner = shippedRunner('module!runners/output.ts', { 'output-dir': logs, ...settings });
  await runner.start();
  return runner;
}

const plain = await start();

async function write(message: unknown, correlationId?: string, runner = plain): Promise<Outcome> {
  const { outcome, lines } = await runOnce(
    runner,
    { message },
    correlationId === undefined ? {} : { correlationId },
  );
  expect(lines, 'what it prints would come back to it').toStrictEqual([]);
  return outcome;
}

function read(name: string): string {
  return readFileSync(join(logs, name), 'utf8');
}

describe('what is written', () => {
  it('messages of one correlation id are lines of one file, in their order', async () => {
    expect(await write('httpd restarted', 'release-1')).toStrictEqual({ kind: 'completed' });
    await write('another release', 'release-2');
    await write('done\n', 'release-1');
    expect(read('release-1.log')).toBe('httpd restarted\ndone\n');
    expect(read('release-2.log')).toBe('another release\n');
  });

  it('the two line ends of a framing line leave an empty line', async () => {
    await write('Finished Worker\n\n', 'framing');
    expect(read('framing.log')).toBe('Finished Worker\n\n');
  });

  it('a backslash and an n start a new line', async () => {
    await write('one\\ntwo', 'backslash');
    expect(read('backslash.log')).toBe('one\ntwo\n');
  });

  it('text of any language is written as it is', async () => {
    await write('café ☕ 漢字 <b>&"', 'languages');
    expect(read('languages.log')).toBe('café ☕ 漢字 <b>&"\n');
  });

  it('HTML is escaped for those who ask for it', async () => {
    await write(`<b class="x">R&D's</b>`, 'html', await start({ 'escape-html': 'yes' }));
    expect(read('html.log')).toBe('&lt;b class=&#34;x&#34;&gt;R&amp;D&#39;s&lt;/b&gt;\n');
  });

  it('a message that is no text is written as JSON', async () => {
    await write({ a: [1, null] }, 'json');
    expect(read('json.log')).toBe('{"a":[1,null]}\n');
  });

  it('a body without a message fails', async () => {
    const { outcome } = await runOnce(plain, { text: 'x' }, { correlationId: 'empty' });
    expect(outcome).toMatchObject({ kind: 'failed', retryable: false });
  });

  it('jobs at once do not mix their lines', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => `${index} ${'x'.repeat(5_000)}`);
    await Promise.all(texts.map((text) => write(text, 'at-once')));
    expect(read('at-once.log').trimEnd().split('\n').sort()).toStrictEqual([...texts].sort());
  });
});

describe('redaction', () => {
  it('replaces each line that matches, whole, and no other', async () => {
    const runner = await start({ 'redact-lines': '[pP]assword\\s*=\n"token"' });
    await write('user = ada\npassword = hunter2\nso \\nPassword=x\\n{"token": 1}', 'redacted', runner);
    expect(read('redacted.log')).toBe('user = ada\n[redacted]\nso \n[redacted]\n[redacted]\n');
  });

  it('sees the text as it was printed, not as HTML', async () => {
    const runner = await start({ 'redact-lines': 'a&b', 'escape-html': 'yes' });
    await write('a&b\na&amp;b', 'unescaped', runner);
    expect(read('unescaped.log')).toBe('[redacted]\na&amp;amp;b\n');
  });

  it.each(['(', '(a)\\1', '(?=a)b', '(?:[a-z0-9]+){17}='])(
    'with the pattern %s nothing is written, and nothing is lost',
    async (pattern) => {
      const outcome = await write('secret', 'mistake', await start({ 'redact-lines': pattern }));
      expect(outcome).toMatchObject({ kind: 'blocked', reason: expect.stringContaining('redact-lines') });
      expect(readdirSync(logs)).not.toContain('mistake.log');
    },
  );

  it('cannot be made slow by a text', async () => {
    const runner = await start({ 'redact-lines': '(a+)+$\n(.*a){12}$\n(?:[a-z0-9]+){16}=' });
    const begin = performance.now();
    await write(`${'a'.repeat(60)}b\n${'a'.repeat(60)}`, 'slow', runner);
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(read('slow.log')).toBe(`${'a'.repeat(60)}b\n[redacted]\n`);
  });
});

describe('the file of a correlation id', () => {
  const long = 'x'.repeat(5_000);
  it.each([
    ['no id', undefined, 'none.log'],
    ['an empty id', '', 'none.log'],
    ['one that leads out of the folder', '../escaped', '%2E.%2Fescaped.log'],
    ['an absolute path', '/etc/passwd', '%2Fetc%2Fpasswd.log'],
    ['a dot', '.', '%2E.log'],
    ['two dots', '..', '%2E..log'],
    ['a hidden name', '.bashrc', '%2Ebashrc.log'],
    ['NUL', 'a\0b', 'a%00b.log'],
    ['a line end', 'a\nb', 'a%0Ab.log'],
    ['what looks encoded', '%2Fetc', '%252Fetc.log'],
    ['no ASCII', 'é', '%C3%A9.log'],
    ['capitals', 'Release', 'Release.log'],
    ['a UUID', '0b7f3a52-8f5e-4bd0-9c8e-1f6f8e2f8c11', '0b7f3a52-8f5e-4bd0-9c8e-1f6f8e2f8c11.log'],
  ])('%s: a name of its own in the folder', async (_, id, name) => {
    expect(await write('here', id)).toStrictEqual({ kind: 'completed' });
    expect(read(name)).toContain('here\n');
    expect(readdirSync(folder)).toStrictEqual(['logs']);
  });

  it('ids that are too long for a name keep files of their own', async () => {
    await write('first', `${long}1`);
    await write('second', `${long}2`);
    await write('third', '/'.repeat(1_000));
    const names = readdirSync(logs).filter((name) => name.includes('~'));
    expect(names.map((name) => read(name)).sort()).toStrictEqual(['first\n', 'second\n', 'third\n']);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThan(255);
  });

  it('is for its owner and group to read, or as file-mode says', async () => {
    await write('x', 'mode');
    await write('x', 'other-mode', await start({ 'file-mode': '0600' }));
    expect(statSync(join(logs, 'mode.log')).mode & 0o007).toBe(0);
    expect(statSync(join(logs, 'other-mode.log')).mode & 0o777).toBe(0o600);
  });
});

describe('what somebody else has put into the folder', () => {
  it.each([
    ['a link', (path: string, victim: string) => symlinkSync(victim, path)],
    ['a link to nothing', (path: string) => symlinkSync(join(folder, 'nothing'), path)],
    ['a second name of a file', (path: string, victim: string) => linkSync(victim, path)],
    ['a folder', (path: string) => mkdirSync(path)],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
  ])('%s is not written to, and the job fails', async (what, plant) => {
    const victim = mkdtempSync(join(tmpdir(), 'rbit-victim-'));
    const file = join(victim, 'file');
    writeFileSync(file, 'mine');
    const id = what.replaceAll(' ', '-');
    plant(join(logs, `${id}.log`), file);
    expect(await write('theirs', id)).toMatchObject({ kind: 'failed', retryable: false });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toStrictEqual(['logs']);
    rmSync(victim, { recursive: true });
  });
});

describe('as long as nothing can be written, messages wait', () => {
  it.each([
    ['no output-dir', '', 'an absolute path'],
    ['a relative output-dir', 'logs', 'an absolute path'],
    ['an output-dir that is not there', '/nonexistent/logs', 'ENOENT'],
    ['an output-dir that is a file', resolveFile(), 'ENOTDIR'],
  ])('%s: the job is blocked', async (_, path, reason) => {
    const runner = await start({ 'output-dir': path });
    const outcome = await write('x', 'waits', runner);
    expect(outcome).toMatchObject({ kind: 'blocked', reason: expect.stringContaining(reason) });
  });

  it('and go on when it can be again', async () => {
    const later = join(folder, 'later');
    const runner = await start({ 'output-dir': later });
    expect(await write('x', 'again', runner)).toMatchObject({ kind: 'blocked' });
    mkdirSync(later);
    chmodSync(later, 0o700);
    expect(await write('x', 'again', runner)).toStrictEqual({ kind: 'completed' });
    rmSync(later, { recursive: true });
  });
});

function resolveFile(): string {
  const file = join(logs, 'a-file');
  writeFileSync(file, '');
  return file;
}

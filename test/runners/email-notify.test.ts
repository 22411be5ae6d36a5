import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Runner } from '../../src/job/runner.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { type Answerer, SmtpServer } from '../support/smtp-server.ts';
import { runOnce, shippedRunner } from './run-once.ts';

type Settings = Readonly<Record<string, string>>;

const NOTIFICATION = {
  slug: 'Release failed',
  message: 'Step 3 of 7 failed.',
  phase: 'failed',
  target: ['ada@example.com'],
};

let answer: Answerer;
const server = new SmtpServer((command) => answer(command));
const port = String(await server.start());
afterAll(() => server.stop());
beforeEach(() => {
  answer = () => undefined;
  server.mails.splice(0);
  server.commands.splice(0);
});

async function start(settings: Settings, line = 'module!runners/email-notify.ts'): Promise<Runner> {
  const runner = shippedRunner(line, {
    'smtp-from': 'releases@example.com',
    allow: '*@example.com ops@example.org',
    ...settings,
  });
  await runner.start();
  return runner;
}

const user = { 'smtp-user': 'rbit', 'smtp-password': 'pw' };
const here = { 'smtp-host': '127.0.0.1', 'smtp-port': port };
const usual = await start(here);

function notify(change: Readonly<Record<string, unknown>> = {}, runner = usual) {
  return runOnce(runner, { ...NOTIFICATION, ...change });
}

const answerTo =
  (verb: string, said: string): Answerer =>
  (command) =>
    command.startsWith(verb) ? said : undefined;

function header(name: string): string[] {
  const lines = server.mails[0]?.lines ?? [];
  return lines.slice(0, lines.indexOf('')).filter((line) => line.toLowerCase().startsWith(`${name}:`));
}

describe('a notification', () => {
  it('is one mail to all its targets, the slug its subject', async () => {
    const target = ['ada@example.com', 'ops@example.org'];
    const { outcome, lines } = await notify({ target });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(lines).toStrictEqual(['mailed to ada@example.com, ops@example.org']);
    expect(server.mails).toMatchObject([{ from: 'releases@example.com', to: target }]);
    expect(header('subject')).toStrictEqual(['Subject: Release failed']);
    expect(header('to')).toStrictEqual(['To: ada@example.com, ops@example.org']);
    expect(header('from')).toStrictEqual(['From: releases@example.com']);
    expect(server.mails[0]?.lines).toContain('Step 3 of 7 failed.');
  });

  it('may be the step of a playbook', async () => {
    const { outcome } = await runOnce(usual, {
      parameters: { command: 'emailnotify', subcommand: 'Send', ...NOTIFICATION },
    });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(server.mails).toHaveLength(1);
  });

  it('may be in any language', async () => {
    const { outcome } = await notify({ slug: 'Ausgeführt ☕', message: 'Größe: 漢字' });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(header('subject')).toStrictEqual(['Subject: =?UTF-8?Q?Ausgef=C3=BChrt_=E2=98=95?=']);
    expect(server.mails[0]?.lines).toContain('R3LDtsOfZTog5ryi5a2X');
  });

  it('cannot add a header, a recipient or an end', async () => {
    const { outcome } = await notify({
      slug: 'x\r\nBcc: eve@example.net\r\n\r\nbody\u2028Cc: eve@example.net',
      message: 'one\r\n.\r\nMAIL FROM:<eve@example.net>\r\n.two',
    });
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(header('subject')).toStrictEqual(['Subject: x Bcc: eve@example.net body Cc: eve@example.net']);
    expect(header('bcc')).toStrictEqual([]);
    expect(header('cc')).toStrictEqual([]);
    expect(server.mails).toMatchObject([{ to: ['ada@example.com'] }]);
    expect(server.commands.filter((line) => /^(MAIL|RCPT)/.test(line))).toHaveLength(2);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no slug', { slug: undefined }],
    ['a message that is no text', { message: { a: 1 } }],
    ['no phase', { phase: null }],
    ['no target', { target: undefined }],
    ['a target that is no list', { target: 'ada@example.com' }],
    ['nobody', { target: [] }],
    ['too many', { target: Array.from({ length: 101 }, () => 'ada@example.com') }],
  ])('%s: the job fails', async (_, change) => {
    const { outcome } = await notify(change);
    expect(outcome).toMatchObject({
      kind: 'failed',
      retryable: false,
      message: expect.stringMatching(/^a notification has /),
    });
    expect(server.commands).toStrictEqual([]);
  });

  it('goes only where the list lets it', async () => {
    const refused: readonly unknown[] = [
      'eve@example.net',
      'eve@example.com.example.net',
      'eve@example.net,ada@example.com',
      'eve@example.net ada@example.com',
      'eve@example.net\r\nada@example.com',
      'Ada <ada@example.com>',
      '"eve@example.net"@example.com',
      '<ada@example.com>',
      '@example.com',
      'ada@',
      'xops@example.org',
      `${'a'.repeat(300)}@example.com`,
      7,
    ];
    for (const address of refused) {
      const { outcome } = await notify({ target: ['ada@example.com', address] });
      expect(outcome, String(address)).toMatchObject({
        kind: 'failed',
        retryable: false,
        message: expect.stringMatching(/is no address$|is not on the list/),
      });
    }
    expect(server.commands).toStrictEqual([]);
  });

  it('waits for a list where there is none', async () => {
    const { outcome } = await notify({}, await start({ ...here, allow: '' }));
    expect(outcome).toMatchObject({ kind: 'blocked', reason: expect.stringContaining('a setting allow') });
    expect(server.commands).toStrictEqual([]);
  });
});

describe('the server', () => {
  it.each([
    ['turns the connection down for now', 'EHLO', '421 too busy'],
    ['does not take the sender now', 'MAIL', '451 later'],
    ['does not know the target yet', 'RCPT', '450 greylisted'],
    ['has no room now', '.', '452 no space'],
    ['refuses our password', 'AUTH', '535 who?'],
    ['hangs up', 'DATA', ''],
  ])('%s: the job is blocked', async (_, verb, said) => {
    answer = answerTo(verb, said);
    const runner = verb === 'AUTH' ? await start({ ...here, ...user, 'smtp-tls': 'no' }) : usual;
    const { outcome } = await notify({}, runner);
    expect(outcome).toMatchObject({ kind: 'blocked', reason: expect.stringMatching(/^not sent: \S/) });
    expect(server.mails).toStrictEqual([]);
  });

  it('is not there: the job is blocked', async () => {
    const runner = await start({ 'smtp-url': 'smtp://127.0.0.1:1' });
    expect((await notify({}, runner)).outcome).toMatchObject({
      kind: 'blocked',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it.each([
    ['the sender', 'MAIL', '550 no'],
    ['the only target', 'RCPT', '550 no such user'],
    ['the mail', '.', '554 spam'],
  ])('refuses %s: the job fails for good', async (_, verb, said) => {
    answer = answerTo(verb, said);
    const { outcome } = await notify();
    expect(outcome).toMatchObject({
      kind: 'failed',
      retryable: false,
      message: expect.stringContaining(said),
    });
  });

  it.each(['550 no such user', '450 greylisted'])(
    'refuses some targets (%s): the others have the mail, and the job fails, lest they get it again',
    async (said) => {
      answer = answerTo('RCPT TO:<bob', said);
      const { outcome } = await notify({ target: ['ada@example.com', 'bob@example.com'] });
      expect(outcome).toStrictEqual({
        kind: 'failed',
        retryable: false,
        message: 'sent, but the server refused bob@example.com',
      });
      expect(server.mails).toMatchObject([{ to: ['ada@example.com'] }]);
    },
  );

  it.each<[string, Settings]>([
    ['smtp-host', {}],
    ['smtp-host', { 'smtp-url': 'http://example.com' }],
    ['smtp-host', { 'smtp-url': 'mail' }],
    ['smtp-port', { 'smtp-host': '127.0.0.1', 'smtp-port': 'x' }],
    ['smtp-url', { 'smtp-url': 'smtp://%E0%A4@127.0.0.1' }],
    ['smtp-from', { ...here, 'smtp-from': '' }],
    ['ca-file', { ...here, 'ca-file': '/no/such/file' }],
  ])('a mistake in %s is no reason to lose a message: %j blocks', async (name, settings) => {
    const { outcome } = await notify({}, await start(settings));
    expect(outcome).toMatchObject({ kind: 'blocked', reason: expect.stringContaining(name) });
    expect(server.mails).toStrictEqual([]);
  });
});

describe('what is secret', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates.remove());

  it('a password is not sent over a connection that is not encrypted', async () => {
    const { outcome } = await notify({}, await start({ ...here, ...user }));
    expect(outcome).toMatchObject({ kind: 'blocked' });
    expect(server.commands.filter((line) => line.startsWith('AUTH'))).toStrictEqual([]);
    expect(server.mails).toStrictEqual([]);
  });

  it('a URL may hold the user and the password', async () => {
    const url = `smtp://rbit:p%40w@127.0.0.1:${port}`;
    const { outcome } = await notify({}, await start({ 'smtp-url': url, 'smtp-tls': 'no' }));
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(server.commands).toContain(`AUTH PLAIN ${Buffer.from('\0rbit\0p@w').toString('base64')}`);
  });

  it('a mail is not sent either where that is required', async () => {
    const { outcome } = await notify({}, await start({ ...here, 'smtp-tls': 'required' }));
    expect(outcome).toMatchObject({ kind: 'blocked' });
    expect(server.mails).toStrictEqual([]);
    const misspelt = await notify({}, await start({ ...here, 'smtp-tls': 'yes' }));
    expect(misspelt.outcome).toMatchObject({ kind: 'blocked', reason: expect.stringContaining('smtp-tls') });
  });

  it('a password and a mail are encrypted with STARTTLS, for a server whose certificate is good', async () => {
    const { serverCert, serverKey, ca } = certificates.paths;
    const secure = new SmtpServer(undefined, {
      key: readFileSync(serverKey),
      cert: readFileSync(serverCert),
    });
    onTestFinished(() => secure.stop());
    const there = { ...user, 'smtp-host': 'localhost', 'smtp-port': String(await secure.start()) };
    expect((await notify({}, await start(there))).outcome).toMatchObject({
      kind: 'blocked',
      reason: expect.stringContaining('certificate'),
    });
    expect(secure.commands).not.toContainEqual(expect.stringMatching('^AUTH'));
    const { outcome } = await notify({}, await start({ ...there, 'ca-file': ca }));
    expect(outcome).toStrictEqual({ kind: 'completed' });
    expect(secure.mails).toMatchObject([{ isEncrypted: true }]);
    expect(secure.commands).toContainEqual(expect.stringMatching('^AUTH'));
  });
});

it('the file may be copied to any folder: nodemailer comes with rbit-ts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-email-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const copy = join(folder, 'email-notify.ts');
  copyFileSync('runners/email-notify.ts', copy);
  const { outcome } = await notify({}, await start(here, `module!${copy}`));
  expect(outcome).toStrictEqual({ kind: 'completed' });
});

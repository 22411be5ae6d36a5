// Sends a notification as an e-mail: what re-core publishes for `notify: {failed: {email: [ops@example.com]}}`.
//
//   [queue:worker.emailnotify]
//   bind = notify.email
//
//   [runner:email-notify]
//   runner = module!runners/email-notify.ts
//   timeout = 2m
//   smtp-host = mail.example.com
//   smtp-from = releases@example.com
//   allow = *@example.com ops@example.org
//
// Job:    {"slug": "Release failed", "message": "Step 3 of 7 …", "phase": "failed", "target": ["ops@example.com"]},
//         or as a step of a playbook, with the same four under "parameters"
// Reply:  {"status": "completed"}
//
// One mail goes to all targets: `slug` is its subject, `message` its text. `allow` (required) lists the addresses that a
// message may name, `*` stands for anything. A server that cannot be reached, or says "not now" (4xx), and a mistake in
// the section block the job; a server that refuses the mail fails it. When only some targets are refused the others have got the mail, so the job fails
// and is not tried again.
//
// Settings: `smtp-host` and `smtp-port` (25), or `smtp-url = smtps://mail.example.com:465`; `smtp-user` and `smtp-password =
// ${file:/run/credentials/rbit/smtp}`. The connection is encrypted if the server can do it, and has to be with a user, or with
// `smtp-tls = required`; `smtp-tls = no` never is. `ca-file`, an absolute path.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type * as Nodemailer from 'nodemailer';
import { Blocked, Failed, type Job, type JobContext } from 'rbit-ts';

// The nodemailer that rbit-ts brings along, wherever this file lies.
const rbit = createRequire(import.meta.resolve('rbit-ts'));
const { createTransport } = rbit('nodemailer') as typeof Nodemailer;

type Settings = Readonly<Record<string, string>>;

interface Notification {
  readonly slug: string;
  readonly message: string;
  readonly target: readonly string[];
}

export default async function sendMail(job: Job, context: JobContext): Promise<void> {
  const { settings, signal } = context;
  const { slug, message, target } = readNotification(job, settings);
  const from = settings['smtp-from'];
  if (from === undefined || from === '') throw new Blocked('the runner needs a setting smtp-from');
  const transport = createTransport(await readServer(settings));
  try {
    const { rejected } = await transport.sendMail({
      from,
      // As objects: an address is never parsed, so it cannot turn out to be two.
      to: target.map((address) => ({ name: '', address })),
      subject: slug.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' '),
      text: message,
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
      signal,
    });
    if (rejected.length > 0) throw new Failed(`sent, but the server refused ${rejected.join(', ')}`);
    context.output(`mailed to ${target.join(', ')}`);
  } catch (error) {
    throw signal.aborted || error instanceof Failed ? error : explain(error as SmtpError);
  } finally {
    transport.close();
  }
}

const MOST_TARGETS = 100;
const LONGEST_ADDRESS = 254;

function readNotification(job: Job, settings: Settings): Notification {
  const { parameters } = job.body as { parameters?: unknown };
  const { slug, message, phase, target } = (parameters === undefined ? job.body : job.parameters) as Partial<
    Record<string, unknown>
  >;
  if (typeof slug !== 'string' || typeof message !== 'string' || typeof phase !== 'string') {
    throw new Failed('a notification has a slug, a message and a phase, each a text');
  }
  if (!Array.isArray(target) || target.length === 0 || target.length > MOST_TARGETS) {
    throw new Failed(`a notification has a target: a list of 1 to ${MOST_TARGETS} addresses`);
  }
  return { slug, message, target: target.map((address) => readAddress(address, settings)) };
}

/** An address and nothing else: no name, no list, no source route, no quoted part. */
const ADDRESS = /^[^\s\p{C}@<>()[\]\\,;:"]+@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?$/u;

function readAddress(address: unknown, settings: Settings): string {
  if (typeof address !== 'string' || address.length > LONGEST_ADDRESS || !ADDRESS.test(address)) {
    throw new Failed(`the target ${JSON.stringify(address)} is no address`);
  }
  const patterns = (settings['allow'] ?? '').split(/[\s,]+/).filter(Boolean);
  if (patterns.length === 0)
    throw new Blocked('the runner needs a setting allow, the addresses that a message may name');
  if (patterns.some((pattern) => fits(pattern.toLowerCase(), address.toLowerCase()))) return address;
  throw new Failed(`${address} is not on the list of addresses (the setting allow)`);
}

function fits(pattern: string, address: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'u').test(address);
}

const ANSWER_LIMIT_MS = 30_000;

async function readServer(settings: Settings): Promise<Nodemailer.SMTPTransportOptions> {
  const host = settings['smtp-host'];
  const written = settings['smtp-url'] ?? `smtp://${host}:${settings['smtp-port'] ?? 25}`;
  const url = host === undefined && settings['smtp-url'] === undefined ? null : URL.parse(written);
  if (url === null || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:')) {
    throw new Blocked(
      'the runner needs a setting smtp-host (and a good smtp-port), or smtp-url such as smtp://mail.example.com',
    );
  }
  const tls = settings['smtp-tls'];
  if (tls !== undefined && tls !== 'required' && tls !== 'no') {
    throw new Blocked(`smtp-tls = ${tls}: it is required, no, or left out`);
  }
  const user = settings['smtp-user'] ?? decode(url.username);
  const pass = settings['smtp-password'] ?? decode(url.password);
  const secure = url.protocol === 'smtps:';
  const caFile = settings['ca-file'];
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 465 : 25)),
    secure,
    ignoreTLS: tls === 'no',
    requireTLS: tls === 'required' || (user !== '' && tls !== 'no'),
    ...(user === '' ? {} : { auth: { user, pass } }),
    ...(caFile === undefined ? {} : { tls: { ca: await readAuthorities(caFile) } }),
    dnsTimeout: ANSWER_LIMIT_MS,
    connectionTimeout: ANSWER_LIMIT_MS,
    greetingTimeout: ANSWER_LIMIT_MS,
    socketTimeout: ANSWER_LIMIT_MS,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Blocked('the user or the password in smtp-url is not percent-encoded');
  }
}

function readAuthorities(path: string): Promise<Buffer> {
  return readFile(path).catch((error: Error) => {
    throw new Blocked(`the setting ca-file: ${error.message}`);
  });
}

interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
  readonly rejectedErrors?: readonly SmtpError[];
}

/** The server's or our own trouble is not the notification's: it is sent when that is over. */
function explain(error: SmtpError): Error {
  const refusals = error.rejectedErrors ?? [error];
  const isRefused = error.code === 'EENVELOPE' || error.code === 'EMESSAGE';
  const isFinal = isRefused && refusals.some(({ responseCode = 500 }) => responseCode >= 500);
  const reason = error.message.replaceAll(/\s+/g, ' ');
  return isFinal ? new Failed(`not sent: ${reason}`) : new Blocked(`not sent: ${reason}`);
}

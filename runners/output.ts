// Collects what jobs print: appends each output message to the file of its correlation id, which for re-core is one
// file for each release.
//
//   [queue:worker.output]
//   bind = output
//
//   [runner:output]
//   runner = module!runners/output.ts
//   output-dir = /var/log/releases
//   redact-lines =
//       password\s*[=:]
//       BEGIN [A-Z ]*PRIVATE KEY
//   output = no
//
// Job:    {"message": "httpd restarted"}, with the property correlation_id = 54c7a0b1e138234f3a9b0c11
// Reply:  {"status": "completed"}; as a rule nobody asks for one
//
// The file is 54c7a0b1e138234f3a9b0c11.log; an id that is no plain file name has its other bytes written as %2F, a long
// one is cut, and no id at all is none.log. A backslash and an n in the message start a new line, as release engines
// write it. Whole lines that match one of the regular expressions of `redact-lines` become [redacted]. One that a
// text could make slow is refused: no look-around, no back-reference, no more than 16 repetitions at once.
//
// `output-dir` has to exist: as long as nothing can be written there, messages wait in their queue (blocked).
// `escape-html = yes` is for files that are shown in a browser; `file-mode` (0640) is that of new files.
// Keep `concurrency` at 1, or lines change places. Keep `output = no`: what this runner printed would be output again.

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Blocked, Failed, type Job, type JobContext } from 'rbit-ts';

interface Settings {
  readonly folder: string;
  readonly redactions: readonly RegExp[];
  readonly escapesHtml: boolean;
  readonly mode: number;
}

export default async function writeOutput(job: Job, context: JobContext): Promise<void> {
  const { message } = (job.body ?? {}) as { message?: unknown };
  if (message === undefined) throw new Failed('an output message has a "message"');
  const settings = readSettings(context.settings);
  const text = toLines(message, settings);
  await append(settings, fileNameOf(job.correlationId), text);
}

let known: { readonly from: Readonly<Record<string, string>>; readonly settings: Settings } | undefined;

/** They are the same for each job of a thread. A mistake in them is no reason to lose a message. */
function readSettings(from: Readonly<Record<string, string>>): Settings {
  if (known?.from === from) return known.settings;
  const folder = from['output-dir'] ?? '';
  if (!isAbsolute(folder)) throw new Blocked('the runner needs a setting output-dir, an absolute path');
  const mode = from['file-mode'] ?? '0640';
  if (!/^0?[0-7]{3}$/.test(mode)) throw new Blocked(`file-mode "${mode}" is no mode such as 0640`);
  const settings = {
    folder,
    redactions: (from['redact-lines'] ?? '').split('\n').filter(Boolean).map(toRegExp),
    escapesHtml: /^(?:yes|true|on|1)$/i.test(from['escape-html'] ?? 'no'),
    mode: Number.parseInt(mode, 8),
  };
  known = { from, settings };
  return settings;
}

/** Node then looks again, in linear time, where an expression goes back too often; with the flag it refuses those that cannot. */
const LINEAR_ONLY = 'l';
const LINEAR = [
  '--enable-experimental-regexp-engine',
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
];

/** An expression that no text can make slow: a message may be made for it. */
function toRegExp(pattern: string): RegExp {
  LINEAR.forEach((flag) => setFlagsFromString(flag));
  try {
    void new RegExp(pattern, LINEAR_ONLY);
    return new RegExp(pattern);
  } catch (error) {
    throw new Blocked(`redact-lines: ${(error as Error).message}`);
  }
}

/** What is to be appended, ending with a line end. Line ends come first: a pattern is held against what will be a line. */
function toLines(message: unknown, { redactions, escapesHtml }: Settings): string {
  const text = (typeof message === 'string' ? message : JSON.stringify(message)).replaceAll('\\n', '\n');
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n').map((line) => {
    if (redactions.some((pattern) => pattern.test(line))) return '[redacted]';
    return escapesHtml ? escapeHtml(line) : line;
  });
  return `${lines.join('\n')}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(line: string): string {
  return line.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** With `.log` and what a cut adds, this stays below the 255 bytes of a file's name. */
const LONGEST_NAME = 180;

/** A name of its own for each id, whatever is in it: `~` and `%` stand in no name but those that are made here. */
function fileNameOf(correlationId: string | undefined): string {
  if (correlationId === undefined || correlationId === '') return 'none.log';
  const name = Array.from(Buffer.from(correlationId), (byte, index) => {
    const character = String.fromCharCode(byte);
    const isPlain = /[\w.-]/.test(character) && !(index === 0 && character === '.');
    return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
  if (name.length <= LONGEST_NAME) return `${name}.log`;
  const digest = createHash('sha256').update(correlationId).digest('hex').slice(0, 32);
  return `${name.slice(0, LONGEST_NAME)}~${digest}.log`;
}

// Not through a link that somebody has put there, and without waiting for the other end of a pipe.
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
const NO_PLAIN_FILE = ['ELOOP', 'ENXIO', 'EISDIR'];

async function append({ folder, mode }: Settings, name: string, text: string): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(join(folder, name), FLAGS, mode);
    const found = await file.stat();
    if (!found.isFile() || found.nlink > 1) throw new Failed(`${name} in output-dir is no file of its own`);
    // One call, so that lines of two daemons do not mix.
    await file.appendFile(text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (NO_PLAIN_FILE.includes(code)) throw new Failed(`${name} in output-dir is no file of its own`);
    throw new Blocked(`nothing can be written: ${message}`);
  } finally {
    await file?.close();
  }
}

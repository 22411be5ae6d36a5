import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import {
  type DestinationStream,
  destination,
  type Logger,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { maskJson } from '../config/masked-json.ts';
import { priorityMarks } from './journal-stream.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  /** `auto`: pretty on a terminal, JSON lines elsewhere. */
  readonly format: 'auto' | 'pretty' | 'json';
  /** Masks the secrets in a text: the last gate before a line leaves the process. */
  readonly mask: (text: string) => string;
}

/** What waits at most for a reader that has stopped reading, in bytes; what comes then is dropped. */
const MOST_UNREAD = 8 * 1024 * 1024;
const CLOSE_LIMIT_MS = 500;
const STDOUT = 1;
const LEVEL_START = '{"level":"'.length;

/** What is ignored on a terminal: the text of a line says it already. */
const IN_THE_TEXT =
  'queue,runner,job,attempt,outcome,durationMs,disposal,reply,purpose,pid,node,running,replyTo,status';

/** A log, and what has to be done before the process ends: neither takes longer than half a second. */
export interface OpenLog {
  readonly log: Log;
  /** Resolves when what was logged is written. Nothing may be logged any more. */
  readonly close: () => Promise<void>;
  /** Writes a fatal line, and what was logged before, until it returns: for a process that has no other turn left. */
  readonly logLast: (text: string, error?: unknown) => void;
}

/** The daemon's own log on standard output: one line a fact. */
export async function openLog({ level, format, mask }: LogOptions): Promise<OpenLog> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const { stream, close, writeNow } = isPretty ? await prettyStream() : jsonStream();
  const markOf = isPretty ? () => '' : priorityMarks(STDOUT);
  const toWritten = (line: string): string => markOf(levelOf(line)) + maskJson(line, mask);
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: toWritten },
    },
    stream,
  );
  return { log, close, logLast: (text, error) => writeNow(toWritten(fatalLine(text, error))) };
}

/** Of a line of JSON that begins with it, as all of ours do. */
function levelOf(line: string): string {
  return line.slice(LEVEL_START, line.indexOf('"', LEVEL_START));
}

function fatalLine(msg: string, error: unknown): string {
  const err = error instanceof Error ? stdSerializers.err(error) : error;
  return `${JSON.stringify({ level: 'fatal', time: new Date().toISOString(), err, msg })}\n`;
}

interface LogStream {
  readonly stream: DestinationStream;
  readonly close: () => Promise<void>;
  /** Writes a line of JSON, after all that waits, until it returns. */
  readonly writeNow: (line: string) => void;
}

// A reader that goes away (`rbit-ts | head`), falls asleep or has no room must not take the jobs with it, nor keep
// the daemon from ending: its own flush at the exit would wait for ever.
function jsonStream(): LogStream {
  let giveUpAt = Number.POSITIVE_INFINITY;
  let isBroken = false;
  const retryEAGAIN = (): boolean => performance.now() < giveUpAt;
  const stream = destination({ fd: STDOUT, sync: false, maxLength: MOST_UNREAD, retryEAGAIN });
  stream.on('error', () => {
    isBroken = true;
  });
  return {
    stream,
    async close() {
      // Its `flush` calls back at once, and `destroy` forgets what waits.
      const closed = once(stream, 'close').catch(() => {});
      stream.end();
      if (!isBroken) await Promise.race([closed, wait(CLOSE_LIMIT_MS)]);
      stream.destroy();
    },
    writeNow(line) {
      giveUpAt = performance.now() + CLOSE_LIMIT_MS;
      try {
        stream.write(line);
        stream.flushSync();
      } catch {
        // Nobody reads it.
      }
    },
  };
}

// Loaded only where somebody looks: it costs more start-up time than the rest of the log.
async function prettyStream(): Promise<LogStream> {
  const { default: pretty } = await import('pino-pretty');
  const { stdout } = process;
  stdout.on('error', () => {});
  const options: PrettyOptions = {
    colorize: stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: IN_THE_TEXT,
    // What jobs print and what messages are called is not to move the cursor or to look like lines of ours.
    messageFormat: (entry, key) => withoutControls(String(entry[key])),
  };
  return {
    stream: pretty({ ...options, destination: stdout }),
    async close() {
      // A line takes a turn on its way through.
      await nextTurn();
      await Promise.race([new Promise((resolve) => stdout.write('', resolve)), wait(CLOSE_LIMIT_MS)]);
    },
    writeNow(line) {
      try {
        writeSync(stdout.fd, pretty.prettyFactory(options)(line));
      } catch {
        // Nobody reads it.
      }
    },
  };
}

function withoutControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (control) =>
    control === '\n' ? '\n    ' : '\u{fffd}',
  );
}

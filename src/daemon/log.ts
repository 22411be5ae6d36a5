import { setTimeout as wait } from 'node:timers/promises';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';

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

/** What is ignored on a terminal: the text of a line says it already. */
const IN_THE_TEXT =
  'queue,runner,job,attempt,outcome,durationMs,disposal,purpose,pid,node,running,replyTo,status';

/** A log, and what has to be done before the process ends: never takes longer than half a second. */
export interface OpenLog {
  readonly log: Log;
  readonly close: () => Promise<void>;
}

/** The daemon's own log on standard output: one line a fact. */
export async function openLog({ level, format, mask }: LogOptions): Promise<OpenLog> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const { stream, close } = isPretty ? await prettyStream() : jsonStream();
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: mask },
    },
    stream,
  );
  return { log, close };
}

interface LogStream {
  readonly stream: DestinationStream;
  readonly close: () => Promise<void>;
}

// A reader that goes away (`rbit-ts | head`), falls asleep or has no room must not take the jobs with it, nor keep
// the daemon from ending: its own flush at the exit would wait for ever.
function jsonStream(): LogStream {
  const stream = destination({ fd: 1, sync: false, maxLength: MOST_UNREAD });
  stream.on('error', () => {});
  return {
    stream,
    async close() {
      const flushed = new Promise<void>((resolve) => stream.flush(() => resolve()));
      await Promise.race([flushed, wait(CLOSE_LIMIT_MS)]);
      stream.destroy();
    },
  };
}

// Loaded only where somebody looks: it costs more start-up time than the rest of the log.
async function prettyStream(): Promise<LogStream> {
  const { default: pretty } = await import('pino-pretty');
  process.stdout.on('error', () => {});
  const stream = pretty({
    colorize: process.stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    destination: process.stdout,
    ignore: IN_THE_TEXT,
    // What jobs print and what messages are called is not to move the cursor or to look like lines of ours.
    messageFormat: (entry, key) => withoutControls(String(entry[key])),
  });
  return { stream, close: async () => {} };
}

function withoutControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (control) =>
    control === '\n' ? '\n    ' : '\u{fffd}',
  );
}

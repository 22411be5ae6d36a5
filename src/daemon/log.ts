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

/** The daemon's own log on standard output: one line a fact. */
export async function createLog({ level, format, mask }: LogOptions): Promise<Log> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: mask },
    },
    isPretty ? await prettyStream() : jsonStream(),
  );
}

// A reader that goes away (`rbit-ts | head`) or falls asleep must not take the jobs with it.
function jsonStream(): DestinationStream {
  const stream = destination({ fd: 1, sync: false, maxLength: MOST_UNREAD });
  stream.on('error', () => {});
  return stream;
}

// Loaded only where somebody looks: it costs more start-up time than the rest of the log.
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  process.stdout.on('error', () => {});
  return pretty({
    colorize: process.stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    destination: process.stdout,
    // What jobs print and what messages are called is not to move the cursor or to look like lines of ours.
    messageFormat: (entry, key) => withoutControls(String(entry[key])),
  });
}

function withoutControls(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => (control === '\n' ? '\n    ' : '\u{fffd}'));
}

import { type Logger, pino, destination, stdTimeFunctions, type DestinationStream } from 'pino';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  /** `auto`: pretty on a terminal, JSON lines elsewhere. */
  readonly format: 'auto' | 'pretty' | 'json';
  /** Masks the secrets in a text: the last gate before a line leaves the process. */
  readonly mask: (text: string) => string;
}

/** The daemon's own log on standard output: one line a fact. */
export async function createLog({ level, format, mask }: LogOptions): Promise<Log> {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  // A reader that goes away (`rbit-ts | head`) must not take the jobs with it.
  process.stdout.on('error', () => {});
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: mask },
    },
    isPretty ? await prettyStream() : destination({ fd: 1, sync: false }),
  );
}

// Loaded only where somebody looks: it costs more start-up time than the rest of the log.
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ colorize: process.stdout.isTTY, translateTime: 'SYS:HH:MM:ss.l', sync: true });
}

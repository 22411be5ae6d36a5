import { pino } from 'pino';
import { maskJson } from '../config/masked-json.ts';
import type { Log, LogOptions } from './log.ts';

/** A log of one job, whose lines go to a function, masked: for commands that show them among other things. */
export function createCallbackLog(
  { level, mask }: Pick<LogOptions, 'level' | 'mask'>,
  tell: (level: string, text: string) => void,
): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => maskJson(line, mask) },
    },
    {
      write(line) {
        const entry = JSON.parse(line) as Record<string, unknown>;
        const { level: label = level, msg = '', runner: _runner, job: _job, ...fields } = entry;
        const more = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
        tell(String(label), `${String(msg)}${more}`);
      },
    },
  );
}

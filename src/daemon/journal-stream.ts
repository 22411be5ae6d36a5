import { fstatSync } from 'node:fs';

/** Of syslog, as journald reads them at the start of a line: sd-daemon(3). */
const PRIORITIES: Readonly<Record<string, number>> = {
  trace: 7,
  debug: 7,
  info: 6,
  warn: 4,
  error: 3,
  fatal: 2,
};

/**
 * What a line of that level has to begin with when it is written to `fd`: its priority, such as `<4>`, where that is
 * journald, as `$JOURNAL_STREAM` says; else nothing.
 */
export function priorityMarks(fd: number): (level: string) => string {
  if (!isJournal(fd)) return () => '';
  return (level) => `<${PRIORITIES[level] ?? PRIORITIES['info']}>`;
}

function isJournal(fd: number): boolean {
  const { JOURNAL_STREAM: stream } = process.env;
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // It is closed.
    return false;
  }
}

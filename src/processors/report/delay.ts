const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** As in the INI file; RabbitMQ can hold a message no longer. */
const LONGEST_MS = 24 * 86_400_000;

/**
 * Milliseconds of a delay that a runner asked for: a number is milliseconds, a text is like `10m`. Undefined when it is
 * neither, longer than 24 days, or 0: a job that comes again at once would go round without end.
 */
export function parseDelayMs(delay: unknown): number | undefined {
  const delayMs = typeof delay === 'string' ? parseText(delay) : delay;
  if (typeof delayMs !== 'number' || !(delayMs > 0 && delayMs <= LONGEST_MS)) return undefined;
  return Math.max(1, Math.round(delayMs));
}

/** What is wrong with a delay that `parseDelayMs` does not take, with what to write, and what follows. */
export function whyNoDelay(delay: unknown): string {
  const delayMs = typeof delay === 'string' ? parseText(delay) : delay;
  const why =
    typeof delayMs === 'number' && delayMs > LONGEST_MS
      ? 'longer than a message can wait (at most "24d")'
      : 'not a duration (try "10m")';
  return `${why}: the runner's blocked-delay holds`;
}

function parseText(delay: string): number | undefined {
  const [, amount, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(delay) ?? [];
  const factor = UNITS[unit];
  return factor === undefined ? undefined : Number(amount) * factor;
}

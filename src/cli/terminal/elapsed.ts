/** A time that is running, for people: `3.4s`, `1m 05s`, `2h 03m`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  const [large, small, units] =
    seconds < 3600 ? [seconds / 60, seconds % 60, 'ms'] : [seconds / 3600, (seconds % 3600) / 60, 'hm'];
  return `${Math.floor(large)}${units.charAt(0)} ${String(Math.floor(small)).padStart(2, '0')}${units.charAt(1)}`;
}

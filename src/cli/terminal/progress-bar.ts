const UTF8 = /utf-?8/i;

/** A bar of so many columns; `percent` may be anything. In plain ASCII where the terminal's locale is not UTF-8. */
export function progressBar(percent: number, columns: number, env: NodeJS.ProcessEnv = process.env): string {
  const share = Math.min(100, Math.max(0, Number.isFinite(percent) ? percent : 0)) / 100;
  const full = Math.floor(share * columns);
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const [done, left] = UTF8.test(locale) ? ['█', '░'] : ['#', '-'];
  return done.repeat(full) + left.repeat(columns - full);
}

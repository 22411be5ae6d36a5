import { type DisplayStream, isLive } from './display-port.ts';
import { formatElapsed } from './elapsed.ts';
import { createLiveLine } from './live-line.ts';
import { createPaint, type Piece } from './paint.ts';
import { progressBar } from './progress-bar.ts';

const BAR_COLUMNS = 24;
const NARROW = 60;

export interface CountBar {
  /** Prints a line above the bar. */
  note(text: string): void;
  close(): void;
}

/** How far many jobs are: a bar, their rate and the time that is left; nothing where there is no terminal, or where it `isHidden`. */
export function createCountBar(
  stream: DisplayStream,
  total: number,
  isHidden: boolean,
  look: () => { readonly word: string; readonly done: number },
): CountBar {
  if (isHidden || !isLive(stream)) return { note() {}, close() {} };
  const since = performance.now();
  const paint = createPaint(true);
  const line = createLiveLine(stream, paint, (columns) => {
    const { word, done } = look();
    const elapsedMs = performance.now() - since;
    const percent = Math.floor((done / total) * 100);
    const bar = columns < NARROW ? '' : `${progressBar(percent, BAR_COLUMNS)} `;
    const pieces: Piece[] = [
      [`${word}  `, 'cyan'],
      [bar, 'cyan'],
      [`${percent}%`, 'bold'],
      [`  ${done}/${total}`],
    ];
    if (done === 0) return [...pieces, [`  ${formatElapsed(elapsedMs)}`]];
    const perMs = done / elapsedMs;
    return [
      ...pieces,
      [`  ${formatRate(perMs * 1000)}/s`],
      [`  ${formatElapsed((total - done) / perMs)} left`, 'dim'],
    ];
  });
  return { note: (text) => line.print(paint('dim', text)), close: () => line.close() };
}

/** A number of jobs a second with as many digits as mean something. */
export function formatRate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

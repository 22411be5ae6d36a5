import type { JobEvent } from '../../client/job-event.ts';
import type { Display, DisplayOptions } from './display-port.ts';
import { formatElapsed } from './elapsed.ts';
import { createLiveLine } from './live-line.ts';
import { createPaint, type Piece, type Style } from './paint.ts';
import { nextRun } from './plain-display.ts';
import { progressBar } from './progress-bar.ts';
import { harmless, oneLine } from './terminal-text.ts';

const BAR_COLUMNS = 24;
/** Below this width a bar leaves no room for words. */
const NARROW = 60;

const STYLES: Readonly<
  Record<'completed' | 'failed' | 'blocked' | 'unavailable' | 'interrupted' | 'retrying', Style>
> = {
  completed: 'green',
  failed: 'red',
  blocked: 'yellow',
  unavailable: 'red',
  interrupted: 'yellow',
  retrying: 'red',
};

/** Output scrolls above one live line: the job's state, its time and how far it is; the end is a line that stays. */
export function createTerminalDisplay({ stream, mask }: Omit<DisplayOptions, 'json'>): Display {
  const paint = createPaint(true);
  const since = performance.now();
  let state: Piece = ['starting', 'dim'];
  let hint = '';
  let progress: { readonly percent: number; readonly message?: string } | undefined;
  const line = createLiveLine(stream, paint, render);

  function render(columns: number): Piece[] {
    const time: Piece[] = [state, [`  ${formatElapsed(performance.now() - since)}`]];
    if (progress === undefined) return hint === '' ? time : [...time, [`  ${hint}`, 'dim']];
    const { percent, message } = progress;
    const bar = progressBar(percent, columns < NARROW ? 0 : BAR_COLUMNS);
    const words = message === undefined ? '' : `  ${mask(oneLine(message))}`;
    return [
      ...time,
      [`  ${bar}`, 'cyan'],
      [`${bar === '' ? '' : ' '}${Math.floor(percent)}%`, 'bold'],
      [words],
    ];
  }

  function print(text: string): void {
    line.print(mask(text));
  }

  function printEnd(event: keyof typeof STYLES, words: string, data?: unknown): void {
    line.close();
    const time = formatElapsed(performance.now() - since);
    print(`${paint(STYLES[event], event)} in ${time}${harmlessLines(words.trimEnd(), '\n  ')}`);
    if (data !== undefined) print(harmlessLines(JSON.stringify(data, null, 2), '\n'));
  }

  return {
    show(event: JobEvent) {
      switch (event.event) {
        case 'submitted':
          state = ['queued', 'yellow'];
          print(paint('dim', `submitted ${oneLine(event.id)} to ${oneLine(event.queue)}`));
          break;
        case 'started':
          state = ['running', 'cyan'];
          hint = '';
          break;
        case 'output':
          print(harmless(event.line));
          break;
        case 'progress':
          state = ['running', 'cyan'];
          progress = event;
          break;
        case 'completed':
          printEnd(event.event, '', event.data);
          break;
        case 'failed':
          printEnd(event.event, `: ${event.message}`, event.data);
          break;
        case 'blocked':
        case 'unavailable':
        case 'interrupted':
          printEnd(event.event, `: ${event.reason}${nextRun(event)}`);
          break;
        case 'retrying':
          printEnd('failed', `: ${event.message}${nextRun(event)}`);
          break;
      }
    },
    note: (text) => print(paint('dim', oneLine(text))),
    hint(text) {
      hint = text;
    },
    close: () => line.close(),
  };
}

function harmlessLines(text: string, lineBreak: string): string {
  return text.split(/\r?\n/).map(harmless).join(lineBreak);
}

import type { JobEvent } from '../../client/job-event.ts';
import { formatDuration } from '../../job/duration.ts';
import type { Display, DisplayOptions } from './display-port.ts';
import { noteOnStderr } from './note.ts';
import { harmless, harmlessJson, oneLine } from './terminal-text.ts';

/** One line an event, its first word the event's name: no line of output can be taken for anything else. */
export function createPlainDisplay({ stream, mask }: Omit<DisplayOptions, 'json'>): Display {
  return {
    show: (event) => stream.write(`${mask(plainLine(event, mask))}\n`),
    note: (text) => noteOnStderr(mask(text)),
    hint() {},
    close() {},
  };
}

function plainLine(event: JobEvent, mask: DisplayOptions['mask']): string {
  switch (event.event) {
    case 'submitted':
      return `submitted ${oneLine(event.id)} to ${oneLine(event.queue)}`;
    case 'started':
      return 'started';
    case 'output':
      return `output ${harmless(event.line)}`;
    case 'progress':
      return `progress ${Math.floor(event.percent)}%${event.message === undefined ? '' : ` ${oneLine(event.message)}`}`;
    case 'completed':
      return `completed${dataText(event.data, mask)}`;
    case 'failed':
      return `failed: ${oneLine(event.message)}${dataText(event.data, mask)}`;
    case 'blocked':
    case 'unavailable':
    case 'interrupted':
      return `${event.event}: ${oneLine(event.reason)}${nextRun(event)}`;
    case 'retrying':
      return `retrying: ${oneLine(event.message)}${nextRun(event)}`;
  }
}

/** ` (would run again in 10s)`, for a run that is not the job's last; empty when nobody knows when. */
export function nextRun({ delayMs }: { readonly delayMs?: number }): string {
  return delayMs === undefined ? '' : ` (would run again in ${formatDuration(Math.round(delayMs))})`;
}

function dataText(data: unknown, mask: DisplayOptions['mask']): string {
  return data === undefined ? '' : ` ${mask(harmlessJson(data))}`;
}

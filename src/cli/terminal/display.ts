import { type Display, type DisplayOptions, isLive } from './display-port.ts';
import { noteOnStderr } from './note.ts';
import { createPlainDisplay } from './plain-display.ts';
import { createTerminalDisplay } from './terminal-display.ts';
import { harmlessJson } from './terminal-text.ts';

/** A live status line below the output on a terminal, plain lines elsewhere, JSON lines where a program asks for them. */
export function createDisplay(options: DisplayOptions): Display {
  if (options.json) return createJsonDisplay(options);
  return isLive(options.stream) ? createTerminalDisplay(options) : createPlainDisplay(options);
}

function createJsonDisplay({ stream, mask }: DisplayOptions): Display {
  return {
    show: (event) => stream.write(`${mask(harmlessJson(event))}\n`),
    note: (text) => noteOnStderr(mask(text)),
    hint() {},
    close() {},
  };
}

import type { WriteStream } from 'node:tty';

/** One line that tells what goes on, where somebody looks. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

/** Shows nothing where the stream is no terminal. */
export function openProgress(stream: WriteStream): Progress {
  const write = (text: string): void => {
    if (!stream.isTTY) return;
    stream.cursorTo(0);
    stream.write(text.slice(0, stream.columns - 1));
    stream.clearLine(1);
  };
  return { show: write, clear: () => write('') };
}

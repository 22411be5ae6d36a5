import type { DisplayStream } from './display-port.ts';
import { fit, type Paint, type Piece } from './paint.ts';

/*
 * The last line of a terminal, written over again and again; what is printed goes above it and scrolls away. The
 * cursor stays visible behind it, so that nothing has to be put right whichever way this process ends.
 */
const CLEAR = '\r\u{1b}[K';
const FRAME_MS = 100;
const UNKNOWN_WIDTH = 80;

export interface LiveLine {
  /** Writes lines above the status, which stays. */
  print(text: string): void;
  /** Takes the line away for good. */
  close(): void;
}

/** A live line of what `render` says, drawn ten times a second and cut to the terminal's width. */
export function createLiveLine(
  stream: DisplayStream,
  paint: Paint,
  render: (columns: number) => readonly Piece[],
): LiveLine {
  let isClosed = false;
  const timer = setInterval(() => stream.write(CLEAR + status()), FRAME_MS);
  timer.unref();

  function status(): string {
    // The last column stays free: some terminals wrap as soon as it is written.
    const columns = Math.max(1, (stream.columns || UNKNOWN_WIDTH) - 1);
    return fit(render(columns), columns, paint);
  }

  return {
    print(text) {
      stream.write(isClosed ? `${text}\n` : `${CLEAR}${text}\n${status()}`);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(timer);
      stream.write(CLEAR);
    },
  };
}

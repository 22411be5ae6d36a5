import type { WriteStream } from 'node:tty';
import type { Progress } from './campaign.ts';

/** Between two lines where nobody watches. */
const LINE_EVERY_MS = 5000;

/** Shows how far a campaign is: one live line on a terminal, a line now and then elsewhere. */
export function createReporter(out: Pick<WriteStream, 'write' | 'isTTY' | 'columns'>): {
  show(progress: Progress): void;
  close(): void;
} {
  const since = performance.now();
  let shownMs = Number.NEGATIVE_INFINITY;
  return {
    show(progress) {
      const passedMs = performance.now() - since;
      const line = lineOf(progress, passedMs);
      if (out.isTTY) out.write(`\r\u001b[K${line.slice(0, out.columns - 1)}`);
      else if (passedMs - shownMs >= LINE_EVERY_MS) {
        shownMs = passedMs;
        out.write(`${line}\n`);
      }
    },
    close() {
      if (out.isTTY) out.write('\r\u001b[K');
    },
  };
}

function lineOf({ phase, sent, unanswered, faults, current }: Progress, passedMs: number): string {
  const seconds = Math.round(passedMs / 1000);
  const facts = [`${sent} sent`, `${unanswered} unanswered`, `${faults} faults`, current].filter(
    (fact) => fact !== '',
  );
  return `${String(seconds).padStart(4)} s  ${phase.padEnd(8)} ${facts.join(', ')}`;
}

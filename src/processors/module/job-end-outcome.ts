import { type Outcome, completed, crashed, failed } from '../../job/outcome.ts';
import { parseDelayMs, whyNoDelay } from '../report/delay.ts';
import type { Log } from '../options.ts';
import type { JobEnd } from './job-end.ts';

/** The Outcome of how a job's function ended. A Blocked with a delay that is none is logged, and keeps the runner's own delay. */
export function outcomeOfEnd(end: JobEnd, log?: Log): Outcome {
  switch (end.kind) {
    case 'completed':
      return completed(parse(end.json));
    case 'failed':
      return failed(end.message, parse(end.json));
    case 'crashed':
      return crashed(end.message, end.stack);
    case 'blocked': {
      const delayMs = parseDelayMs(end.delay);
      if (delayMs !== undefined) return { kind: 'blocked', reason: end.reason, delayMs };
      if (end.delay !== undefined) {
        log?.('warn', `Blocked with a delay of ${JSON.stringify(end.delay)}: ${whyNoDelay(end.delay)}`);
      }
      return { kind: 'blocked', reason: end.reason };
    }
  }
}

function parse(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}

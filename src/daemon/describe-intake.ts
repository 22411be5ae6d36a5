import type { QueueStatus } from '../job/status.ts';
import type { Worker } from '../worker/worker.ts';

const HELD = {
  operator: 'by an operator, until it is resumed or the daemon restarted',
  journal: 'the journal cannot be written',
};

/**
 * Whether jobs of a queue come, and if not, why, in words. `whyNotConsumed` is what the broker has said of it, if anything;
 * secrets are masked by `mask`.
 */
export function describeIntake(
  { intake, queue, runner }: Pick<Worker, 'intake' | 'queue' | 'runner'>,
  whyNotConsumed: (queue: string) => string | undefined,
  mask: (text: string) => string,
): Pick<QueueStatus, 'state' | 'by' | 'reason'> {
  const { state } = intake;
  if ('by' in intake) {
    const { by } = intake;
    return {
      state,
      by,
      reason: by === 'runner' ? `${runner} cannot be started: ${intake.reason}` : HELD[by],
    };
  }
  if (state === 'leaving') return { state, reason: 'removed by a reload; what is in hand goes on' };
  const why = state === 'not-consumed' ? whyNotConsumed(queue) : undefined;
  return why === undefined ? { state } : { state, reason: mask(why) };
}

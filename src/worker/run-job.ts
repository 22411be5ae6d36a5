import { crashed, type Outcome } from '../job/outcome.ts';
import type { Conversation } from './conversation.ts';
import { runWithin } from './deadline.ts';
import { masked } from './masked.ts';
import type { Running } from './running.ts';
import type { Workplace } from './workplace.ts';

/** Runs a job once, within its limits. What it prints and how far it is are announced and, where wanted, published. */
export async function runJob(
  { job, facts, delivery }: Running,
  conversation: Conversation,
  { runner, policy, events, stopping, mask }: Workplace,
): Promise<Outcome> {
  events.emit('job:begun', { ...facts, redelivered: job.redelivered });
  const limits = {
    timeoutMs: policy.timeoutMs,
    killGraceMs: policy.killGraceMs,
    stopping,
    onStuck: (afterMs: number) => events.emit('job:stuck', { ...facts, afterMs }),
  };
  try {
    const outcome = await runWithin(limits, (signal) =>
      runner.run(job, {
        input: delivery.message.body,
        signal,
        output(line) {
          const shown = mask(line);
          events.emit('job:output', { ...facts, line: shown });
          conversation.output(shown);
        },
        progress(percent, message) {
          const shown = message === undefined ? undefined : mask(message);
          events.emit('job:progress', {
            ...facts,
            percent,
            ...(shown === undefined ? {} : { message: shown }),
          });
          conversation.progress(percent, shown);
        },
      }),
    );
    return masked(outcome, mask);
  } catch (error) {
    // A processor promises never to throw; the job must not hang on a broken promise.
    events.emit('bug', { where: `runner ${job.runner}`, error });
    return crashed('the runner broke down');
  }
}

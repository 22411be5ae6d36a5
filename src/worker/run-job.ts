import type { Job } from '../job/job.ts';
import { crashed, type Outcome } from '../job/outcome.ts';
import type { Conversation } from './conversation.ts';
import { runWithin } from './deadline.ts';
import { masked, maskingAlso } from './masked.ts';
import { upTo } from './output-limit.ts';
import type { Running } from './running.ts';
import type { Workplace } from './workplace.ts';

/** Runs a job once, within its limits. What it prints and how far it is are announced and, where wanted, published. */
export async function runJob(
  running: Running,
  conversation: Conversation,
  { runner, policy, events, mask: maskSecrets }: Workplace,
): Promise<Outcome> {
  const { job, facts, delivery } = running;
  running.stage = 'running';
  running.startedAt = Date.now();
  const begunAt = performance.now();
  events.emit('job:begun', { ...facts, redelivered: job.redelivered, ...waited(job) });
  const mask = maskingAlso(policy.redact, maskSecrets);
  const show = upTo(policy.maxOutput, (line) => {
    running.lastLine = line;
    events.emit('job:output', { ...facts, line });
    conversation.output(line);
  });
  const { timeoutMs, idleTimeoutMs, killGraceMs } = policy;
  const onStuck = (afterMs: number): boolean => events.emit('job:stuck', { ...facts, afterMs });
  try {
    const outcome = await runWithin(
      { timeoutMs, idleTimeoutMs, killGraceMs, onStuck },
      running.callOff,
      (signal, heard) =>
        runner.run(job, {
          input: delivery.message.body,
          signal,
          heard,
          output(line) {
            heard();
            const shown = mask(line);
            show(shown);
            return shown;
          },
          progress(percent, message) {
            heard();
            const shown = message === undefined ? {} : { message: mask(message) };
            running.progress = { percent, ...shown };
            events.emit('job:progress', { ...facts, percent, ...shown });
            conversation.progress(percent, shown.message);
          },
        }),
    );
    return masked(outcome, mask);
  } catch (error) {
    // A processor promises never to throw; the job must not hang on a broken promise.
    events.emit('bug', { where: `runner ${job.runner}`, error });
    return crashed('the runner broke down');
  } finally {
    running.stage = 'settling';
    events.emit('job:ran', { ...facts, durationMs: performance.now() - begunAt });
  }
}

/** Of what was put back or handed out before, the wait would tell about what happened in between. */
function waited({ attempt, redelivered, timestamp }: Job): { waitedMs?: number } {
  if (timestamp === undefined || attempt > 1 || redelivered) return {};
  return { waitedMs: Date.now() - timestamp };
}

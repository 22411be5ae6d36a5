import type { ControlHandlers, QueueAnswer } from '../control/messages.ts';
import type { KeptJob, Operations, Said } from '../http/actions.ts';
import type { Worker } from '../worker/worker.ts';
import type { Log } from './log.ts';

export interface PageOperationParts {
  readonly handlers: Pick<ControlHandlers, 'pause' | 'resume'>;
  /** Those that there are when it is asked. */
  readonly workers: () => readonly Worker[];
  readonly retry: (job: KeptJob) => Promise<Said>;
  readonly log: Log;
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
}

/** Carries out what is asked for on the page, as `operate` does for the control socket. */
export function pageOperations({ handlers, workers, retry, log, mask }: PageOperationParts): Operations {
  return {
    pause: async (queue) =>
      inWords(await handlers.pause({ command: 'pause', queue }), 'paused', 'it was paused already'),
    resume: async (queue) =>
      inWords(await handlers.resume({ command: 'resume', queue }), 'resumed', 'there was nothing to resume'),
    cancel({ run }) {
      const counts = workers().map(({ running }) => running.cancel((facts) => facts.run === run));
      return counts.some((count) => count > 0)
        ? { done: true, says: 'called off: it ends as soon as its runner does' }
        : { done: false, says: 'it has ended, or its end is decided already' };
    },
    async retry(job) {
      const said = await retry(job);
      log.info(
        { queue: job.queue, runner: job.runner, job: job.id },
        `retry of job ${mask(job.id)}, asked for on the page: ${said.says}`,
      );
      return said;
    },
  };
}

function inWords(answer: QueueAnswer, changed: string, unchanged: string): Said {
  switch (answer.kind) {
    case 'done':
      return { done: true, says: answer.changed ? changed : unchanged };
    case 'unknown':
      return { done: false, says: 'this daemon works no such queue' };
    case 'stopping':
      return { done: false, says: 'the daemon stops: nothing new is taken anyway' };
  }
}

import type { ControlHandlers, QueueAnswer, ReloadAnswer } from '../control/messages.ts';
import type { Worker } from '../worker/worker.ts';
import type { ReadStatus } from './status.ts';

export interface Operated {
  /** Those that there are when something is said. */
  readonly workers: readonly Worker[];
  /** Likewise, of queues that were removed. */
  readonly leaving: readonly Worker[];
  readonly readStatus: ReadStatus;
  readonly reload: () => Promise<ReloadAnswer>;
  readonly mask: (text: string) => string;
}

/** Carries out what an operator says over the control socket. */
export function operate({ workers, leaving, readStatus, reload, mask }: Operated): ControlHandlers {
  /** Names as they are, or as `status` shows them. */
  const isCalled = (name: string, called: string): boolean => called === name || called === mask(name);

  function onQueue(called: string, act: (worker: Worker) => boolean): QueueAnswer {
    const worker = workers.find(({ queue }) => isCalled(queue, called));
    if (worker === undefined) return { kind: 'unknown', queues: workers.map(({ queue }) => mask(queue)) };
    if (worker.intake.state === 'stopped') return { kind: 'stopping' };
    return { kind: 'done', changed: act(worker), running: worker.running.count };
  }

  return {
    status: readStatus,
    cancel({ job, queue }) {
      const all = [...workers, ...leaving];
      const asked = all.filter((worker) => queue === undefined || isCalled(worker.queue, queue));
      const counts = asked.map(({ running }) => running.cancel(({ id }) => isCalled(id, job)));
      return { cancelled: counts.reduce((sum, count) => sum + count, 0) };
    },
    pause: ({ queue }) => onQueue(queue, (worker) => worker.hold('operator')),
    resume: ({ queue }) => onQueue(queue, (worker) => worker.release('operator')),
    reload,
  };
}

import type { ControlHandlers, QueueAnswer } from '../control/messages.ts';
import type { Worker } from '../worker/worker.ts';
import type { ReadStatus } from './status.ts';

/** Carries out what an operator says over the control socket. `workers` are those that there are when it is said. */
export function operate(
  workers: readonly Worker[],
  readStatus: ReadStatus,
  mask: (text: string) => string,
): ControlHandlers {
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
      const asked = workers.filter((worker) => queue === undefined || isCalled(worker.queue, queue));
      const counts = asked.map(({ running }) => running.cancel(({ id }) => isCalled(id, job)));
      return { cancelled: counts.reduce((sum, count) => sum + count, 0) };
    },
    pause: ({ queue }) => onQueue(queue, (worker) => worker.hold('operator')),
    resume: ({ queue }) => onQueue(queue, (worker) => worker.release('operator')),
  };
}

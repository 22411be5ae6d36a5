import type { EventEmitter } from 'node:events';
import type { WorkEvents } from '../job/events.ts';
import type { Connections } from './connections.ts';
import type { QueueIntake } from './queue-intake.ts';

/** One condition of being ready. A `reason` may stand beside what is well, too: a queue that somebody has paused. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly reason?: string;
}

/** The answer of /readyz. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

export interface ReadinessOptions {
  readonly events: EventEmitter<WorkEvents>;
  readonly connections: Pick<Connections, 'list'>;
  /** The mapped queues as they are now. */
  readonly queues: () => readonly QueueIntake[];
  /** Masks the secrets in a text. */
  readonly mask: (text: string) => string;
}

/** Knows whether jobs that come are worked: asked, never told. Listens to `events` from now on. */
export function watchReadiness({ events, connections, queues, mask }: ReadinessOptions): {
  read(): Readiness;
  /** From now on the answer is no: the daemon stops. */
  stop(): void;
} {
  /** Undefined: there is none, or it has not been opened yet. */
  let journal: Check | undefined;
  let isStopping = false;
  events.on('journal:open', () => {
    journal = { name: 'journal', ok: true };
  });
  events.on('journal:lost', ({ reason }) => {
    journal = { name: 'journal', ok: false, reason: `it cannot be written: ${reason}` };
  });

  return {
    read() {
      const checks = [
        ...(isStopping ? [{ name: 'daemon', ok: false, reason: 'it stops' }] : []),
        brokerCheck(connections),
        ...(journal === undefined ? [] : [journal]),
        ...queues().map(queueCheck),
      ];
      const shown = checks.map((check) => masked(check, mask));
      return { ready: checks.every(({ ok }) => ok), checks: shown };
    },
    stop() {
      isStopping = true;
    },
  };
}

function brokerCheck(connections: Pick<Connections, 'list'>): Check {
  const all = connections.list();
  const reasons = all.flatMap(({ purpose, trouble }) =>
    trouble === undefined ? [] : [`${trouble} (${purpose})`],
  );
  if (all.length > 0 && reasons.length === 0) return { name: 'broker', ok: true };
  return { name: 'broker', ok: false, reason: reasons.join('; ') || 'not asked yet' };
}

/** What an operator has paused is as it should be; what its runner or the journal has paused is not. */
function queueCheck({ queue, state, by, reason }: QueueIntake): Check {
  const ok = state === 'consuming' || by === 'operator';
  const name = `queue ${queue}`;
  if (by !== undefined) return { name, ok, reason: `${state}: ${reason ?? by}` };
  return ok ? { name, ok } : { name, ok, reason: `not consumed: ${reason ?? 'not opened yet'}` };
}

function masked(check: Check, mask: (text: string) => string): Check {
  const name = mask(check.name);
  return check.reason === undefined ? { ...check, name } : { ...check, name, reason: mask(check.reason) };
}

import type { Announcer, WorkEvents } from '../job/events.ts';
import { bucketOf, DURATION_BUCKETS, quantileOf } from './duration-histogram.ts';

/*
 * How many runs ended how, and how long they took, over the last hour: in slots of ten seconds, for each queue and for
 * all. An end costs four additions; a queue without ends costs nothing.
 */

const SLOT_MS = 10_000;
const SLOTS = 360;

/** `returned`: put back for another run, but for what its runner called blocked. */
const ENDS = ['completed', 'failed', 'blocked', 'returned'] as const;
type End = (typeof ENDS)[number];

/** How the last hour, or its last five minutes, is divided: slots that are told as one. */
const WINDOWS = {
  '5m': { slots: 30, together: 1 },
  '1h': { slots: SLOTS, together: 6 },
} as const;
export type Window = keyof typeof WINDOWS;

/** One step of a window: how many runs ended, and quantiles of how long they took, in milliseconds. */
export interface RatePoint extends Readonly<Record<End, number>> {
  /** Which step since 1970: times `stepMs` it is when it began. */
  readonly step: number;
  readonly p50?: number;
  readonly p95?: number;
}

export interface Rates {
  readonly stepMs: number;
  /** How many steps the window has; those without a run are left out. */
  readonly steps: number;
  readonly points: readonly RatePoint[];
}

/** What is asked for: only steps from `from` on, of one queue or of all. */
export interface RatesAsked {
  readonly window: Window;
  readonly from: number;
  readonly queue: string | undefined;
}

/** Ends first, in the order of `ENDS`, then the durations. */
type Cell = Uint32Array;

interface Slot {
  number: number;
  readonly all: Cell;
  readonly queues: Map<string, Cell>;
}

/** Whether there is a window of that name. */
export function isWindow(name: string): name is Window {
  return Object.hasOwn(WINDOWS, name);
}

/** Counts what is announced from now on. */
export function recordRates(
  events: Announcer,
  now: () => number = Date.now,
): { read(asked: RatesAsked): Rates } {
  const slots: (Slot | undefined)[] = [];

  function count(queue: string, place: number): void {
    const slot = slotAt(Math.floor(now() / SLOT_MS));
    let cell = slot.queues.get(queue);
    if (cell === undefined) slot.queues.set(queue, (cell = emptyCell()));
    cell[place] = (cell[place] ?? 0) + 1;
    slot.all[place] = (slot.all[place] ?? 0) + 1;
  }

  function slotAt(number: number): Slot {
    const found = slots[number % SLOTS];
    if (found?.number === number) return found;
    return (slots[number % SLOTS] = { number, all: emptyCell(), queues: new Map() });
  }

  events.on('job:ran', ({ queue, durationMs }) => count(queue, ENDS.length + bucketOf(durationMs)));
  events.on('job:ended', (ended) => {
    const end = endOf(ended);
    if (end !== undefined) count(ended.queue, ENDS.indexOf(end));
  });

  return {
    read({ window, from, queue }) {
      const { slots: length, together } = WINDOWS[window];
      const last = Math.floor(now() / SLOT_MS / together);
      const first = Math.max(from, last - length / together + 1);
      const points: RatePoint[] = [];
      for (let step = first; step <= last; step += 1) {
        const sum = emptyCell();
        for (let number = step * together; number < (step + 1) * together; number += 1) {
          const slot = slots[number % SLOTS];
          const cell = queue === undefined ? slot?.all : slot?.queues.get(queue);
          if (slot?.number === number && cell !== undefined) add(sum, cell);
        }
        const point = pointOf(step, sum);
        if (point !== undefined) points.push(point);
      }
      return { stepMs: SLOT_MS * together, steps: length / together, points };
    },
  };
}

/** As which of them it counts; undefined: it was counted before, or its requester answered. */
export function endOf({
  outcome,
  isFinal,
  goesBack,
  isRepeated,
}: Pick<WorkEvents['job:ended'][0], 'outcome' | 'isFinal' | 'goesBack' | 'isRepeated'>): End | undefined {
  if (isRepeated) return undefined;
  if (outcome.kind === 'failed' && !isFinal) return goesBack ? 'returned' : undefined;
  return outcome.kind === 'interrupted' || outcome.kind === 'unavailable' ? 'returned' : outcome.kind;
}

function emptyCell(): Cell {
  return new Uint32Array(ENDS.length + DURATION_BUCKETS);
}

function add(sum: Cell, cell: Cell): void {
  for (let place = 0; place < sum.length; place += 1) sum[place] = (sum[place] ?? 0) + (cell[place] ?? 0);
}

function pointOf(step: number, cell: Cell): RatePoint | undefined {
  if (!cell.some((count) => count > 0)) return undefined;
  const [completed = 0, failed = 0, blocked = 0, returned = 0] = cell;
  const durations = cell.subarray(ENDS.length);
  const [p50, p95] = [quantileOf(durations, 0.5), quantileOf(durations, 0.95)];
  return {
    step,
    completed,
    failed,
    blocked,
    returned,
    ...(p50 === undefined || p95 === undefined ? {} : { p50, p95 }),
  };
}

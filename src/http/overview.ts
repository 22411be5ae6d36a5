import type { DaemonStatus, JobStatus, QueueStatus } from '../job/status.ts';
import type { JobRecords } from './job-records.ts';
import { endedRun, type EndedRun, type RunKeys } from './run-details.ts';
import { isWindow, type Rates, type RatesAsked } from './rate-history.ts';
import type { Readiness } from './readiness.ts';

/** All that the page shows at a moment, as JSON; secrets are masked. */
export interface Overview {
  /** Of the daemon's clock, in milliseconds since 1970. */
  readonly now: number;
  /** Of the process: with another one everything that was shown before is void. */
  readonly boot: string;
  readonly name: string;
  readonly canAct: boolean;
  readonly daemon: DaemonStatus['daemon'];
  readonly readiness: Readiness;
  readonly queues: readonly (QueueStatus & { readonly concurrency: number | null })[];
  /** The first `MOST_JOBS` in hand. */
  readonly jobs: readonly (JobStatus & { readonly key?: string })[];
  readonly jobsLeftOut: number;
  /** Only those that ended after the asked sequence number, the newest first. */
  readonly ended: readonly EndedRun[];
  readonly rates: Rates;
}

export interface OverviewParts {
  readonly name: string;
  readonly canAct: boolean;
  readonly readStatus: () => Promise<DaemonStatus>;
  readonly readiness: { read(): Readiness };
  /** A queue's own name, by the one that it is shown under. */
  readonly nameOf: (shown: string) => string | undefined;
  readonly concurrencyOf: (runner: string) => number | undefined;
  readonly records: JobRecords;
  readonly rates: { read(asked: RatesAsked): Rates };
  readonly keys: RunKeys;
  readonly mask: (text: string) => string;
}

const MOST_JOBS = 200;
/** However many look at the page, the daemon and the broker are asked as often as for one. */
const FRESH_MS = 900;

/** Gathers what the page shows, only while somebody asks. */
export function createOverview(parts: OverviewParts): (query: URLSearchParams) => Promise<Overview> {
  const { readiness, records, rates, keys, mask } = parts;
  const readStatus = shared(parts.readStatus);

  return async (query) => {
    const { daemon, queues, jobs } = await readStatus();
    // What a page knows from another process means nothing here.
    const isKnown = query.get('boot') === keys.boot;
    const called = query.get('queue') ?? '';
    return {
      now: Date.now(),
      boot: keys.boot,
      name: mask(parts.name),
      canAct: parts.canAct,
      daemon,
      readiness: readiness.read(),
      queues: queues.map((queue) => ({ ...queue, concurrency: parts.concurrencyOf(queue.runner) ?? null })),
      jobs: jobs.slice(0, MOST_JOBS).map(({ run, ...job }) => ({
        ...job,
        ...(run === undefined ? {} : { key: keys.keyOf(run) }),
      })),
      jobsLeftOut: Math.max(0, jobs.length - MOST_JOBS),
      ended: records
        .ended(isKnown ? numberOf(query.get('ended')) : 0)
        .map((record) => endedRun(record, keys, mask)),
      rates: rates.read({
        window: windowOf(query.get('window')),
        from: isKnown ? numberOf(query.get('from')) : 0,
        queue: called === '' ? undefined : (parts.nameOf(called) ?? called),
      }),
    };
  };
}

/** One answer for all who ask while it is fresh, or on its way. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let freshUntil = 0;
  return async () => {
    if (answer === undefined || performance.now() > freshUntil) {
      freshUntil = Infinity;
      answer = read().finally(() => {
        freshUntil = performance.now() + FRESH_MS;
      });
    }
    return answer;
  };
}

function windowOf(text: string | null): RatesAsked['window'] {
  return text !== null && isWindow(text) ? text : '5m';
}

/** What is no count is 0. */
function numberOf(text: string | null): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

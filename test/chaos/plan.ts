import { randomFrom } from '../support/random.ts';
import type { KindName } from './kinds.ts';
import { planFaults, type PlannedFault } from './plan-faults.ts';
import { type CampaignQueue, campaignQueues, REPLY_QUEUES } from './queues.ts';
import { type Random, chance, pick, weighted, whole } from './random-choice.ts';

/** A job that will be sent; times count from the start of the campaign. */
export interface PlannedJob {
  readonly atMs: number;
  /** Its correlation id, and its name in the ledger. */
  readonly key: string;
  readonly queue: string;
  readonly kind: KindName;
  /** How many of its runs crash or are blocked before one completes. */
  readonly tries: number;
  readonly workMs: number;
  readonly hasMessageId: boolean;
  readonly replyTo: string;
}

/** Steps that are sent one after the other, each when the one before was answered: equal messages with one correlation id. */
export interface PlannedRelease {
  readonly atMs: number;
  readonly key: string;
  readonly queue: string;
  readonly steps: number;
  readonly workMs: number;
  readonly replyTo: string;
}

export interface Plan {
  readonly jobs: readonly PlannedJob[];
  readonly releases: readonly PlannedRelease[];
  readonly faults: readonly PlannedFault[];
}

export interface PlanOptions {
  readonly seed: number;
  /** How long jobs are sent and faults happen. */
  readonly forMs: number;
  readonly jobsPerSecond: number;
  readonly withReceipt: boolean;
}

/** One release a queue in so many milliseconds. */
const RELEASE_EVERY_MS = 6000;

/** What a campaign will do and when: the same for the same options. */
export function makePlan({ seed, forMs, jobsPerSecond, withReceipt }: PlanOptions): Plan {
  // Streams of their own, so that a campaign with more jobs meets the same faults.
  const [ofJobs, ofReleases, ofFaults] = [1, 2, 3].map((stream) => randomFrom(seed * 16 + stream));
  if (ofJobs === undefined || ofReleases === undefined || ofFaults === undefined) throw new RangeError();
  const queues = campaignQueues(withReceipt);
  return {
    jobs: planJobs(ofJobs, forMs, jobsPerSecond, queues),
    releases: planReleases(ofReleases, forMs, queues),
    faults: planFaults(ofFaults, forMs),
  };
}

function planJobs(
  random: Random,
  forMs: number,
  perSecond: number,
  queues: readonly CampaignQueue[],
): PlannedJob[] {
  const count = Math.round((forMs / 1000) * perSecond);
  const shares = queues
    .filter(({ diet }) => diet !== 'releases')
    .map((queue) => [queue, queue.weight] as const);
  const jobs = Array.from({ length: count }, (_, number): PlannedJob => {
    const queue = weighted(random, shares);
    const kind = planKind(random, queue);
    return {
      atMs: Math.round(random() * forMs),
      key: `job-${number}`,
      queue: queue.name,
      kind,
      tries: kind === 'crash' || kind === 'blocked' ? whole(random, 1, 2) : 0,
      workMs: planWork(random, kind),
      hasMessageId: chance(random, 0.6),
      replyTo: pick(random, Object.values(REPLY_QUEUES)),
    };
  });
  return jobs.sort((one, other) => one.atMs - other.atMs);
}

function planKind(random: Random, { diet, processor }: CampaignQueue): KindName {
  if (diet === 'endless') return 'endless';
  const kind = weighted<KindName>(random, [
    ['done', 12],
    ['crash', 3],
    ['crash-out', 0.7],
    ['blocked', 3],
    ['missing', 0.7],
    ['undecodable', 0.7],
    ['failed', 2],
    ['long', diet === 'short' ? 0 : 0.8],
  ]);
  // A shell job has no way to say that it failed for good.
  return kind === 'failed' && processor === 'shell' ? 'done' : kind;
}

function planWork(random: Random, kind: KindName): number {
  if (kind === 'long') return whole(random, 3000, 20_000);
  return chance(random, 0.4) ? 0 : whole(random, 10, 600);
}

function planReleases(random: Random, forMs: number, queues: readonly CampaignQueue[]): PlannedRelease[] {
  return queues
    .filter(({ diet }) => diet === 'releases')
    .flatMap(({ name }) =>
      Array.from({ length: Math.ceil(forMs / RELEASE_EVERY_MS) }, (_, number) => ({
        atMs: Math.round(random() * forMs),
        key: `release-${name}-${number}`,
        queue: name,
        steps: whole(random, 2, 8),
        workMs: whole(random, 0, 500),
        replyTo: pick(random, Object.values(REPLY_QUEUES)),
      })),
    )
    .sort((one, other) => one.atMs - other.atMs);
}

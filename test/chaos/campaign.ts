import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { drawUp, type Account } from './account.ts';
import { carryOut, type FaultRecord } from './faults.ts';
import type { Evidence } from './evidence.ts';
import { depthsOf, gather } from './gather.ts';
import { makePlan } from './plan.ts';
import { type PlannedFault, rowOf } from './plan-faults.ts';
import { setStage, type Stage } from './stage.ts';
import { Submission } from './submission.ts';

export interface CampaignOptions {
  readonly seed: number;
  /** How long jobs are sent and faults happen. */
  readonly forMs: number;
  readonly jobsPerSecond: number;
  /** How long everything may take to come to its end when the faults are over. */
  readonly endLimitMs: number;
  /** Keep the folder with ledger and logs even when nothing went wrong. */
  readonly keep: boolean;
  /** Ends the campaign early; it is then rejected. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** How far a campaign is. */
export interface Progress {
  readonly phase: 'starting' | 'faults' | 'ending' | 'account';
  readonly sent: number;
  readonly unanswered: number;
  readonly faults: number;
  /** What is wrong at the moment, in words. */
  readonly current: string;
}

export interface CampaignResult {
  readonly account: Account;
  /** Where ledger, logs and INI files are; undefined when they are removed. */
  readonly folder: string | undefined;
  readonly faults: readonly FaultRecord[];
}

const PROGRESS_MS = 500;
const SETTLE_POLL_MS = 500;

/** Plays one campaign from its plan to its account, and leaves nothing running. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { signal, onProgress } = options;
  const faults: FaultRecord[] = [];
  const ended = new AbortController();
  let phase: Progress['phase'] = 'starting';
  let submission: Submission | undefined;
  const timer = setInterval(() => {
    const current = faults
      .filter(({ toMs }) => toMs === Number.POSITIVE_INFINITY)
      .map(inWords)
      .join(', ');
    const { jobs = [], unanswered = 0 } = submission ?? {};
    onProgress({ phase, sent: jobs.length, unanswered, faults: faults.length, current });
  }, PROGRESS_MS);

  const stage = await setStage().catch((error: unknown) => {
    clearInterval(timer);
    throw error;
  });
  let isGood = false;
  try {
    submission = new Submission(stage.requester, ended.signal);
    const withReceipt = stage.queues.some(({ ack }) => ack !== undefined);
    const plan = makePlan({ ...options, withReceipt });
    phase = 'faults';
    await Promise.all([submission.send(plan, signal), playFaults(plan.faults, stage, faults, options)]);
    signal.throwIfAborted();

    phase = 'ending';
    await comeToEnd(stage, submission, options);
    ended.abort();
    await submission.done();
    phase = 'account';
    await Promise.all([...stage.hosts.values()].map((host) => host.stop()));
    const gathered = await gather(stage);
    const { jobs, releases } = submission;
    const evidence: Evidence = { ...gathered, jobs, releases, replies: stage.requester.replies, faults };
    await keepEvidence(stage, evidence);
    const account = drawUp(evidence);
    isGood = account.problems.length === 0;
    return { account, folder: isGood && !options.keep ? undefined : stage.folder.path, faults };
  } finally {
    clearInterval(timer);
    ended.abort();
    await stage.close({ keep: options.keep || (!isGood && !signal.aborted) });
  }
}

/** For whoever looks for the reason of a problem: all that the account was drawn up from. */
async function keepEvidence({ folder }: Stage, evidence: Evidence): Promise<void> {
  const text = JSON.stringify({ ...evidence, depths: Object.fromEntries(evidence.depths) }, undefined, 1);
  await writeFile(join(folder.path, 'evidence.json'), text);
}

/** The rows side by side; in each one fault after the other, later than planned if the one before took longer. */
async function playFaults(
  planned: readonly PlannedFault[],
  stage: Stage,
  log: FaultRecord[],
  { forMs, signal }: CampaignOptions,
): Promise<void> {
  const since = performance.now();
  const rows = (['network', 'daemon', 'broker'] as const).map((row) =>
    planned.filter(({ kind }) => rowOf(kind) === row),
  );
  await Promise.all(
    rows.map(async (row) => {
      for (const fault of row) {
        const passedMs = performance.now() - since;
        if (passedMs > forMs) return;
        if (fault.atMs > passedMs) await wait(fault.atMs - passedMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        await carryOut(fault, stage, log, signal);
      }
    }),
  );
}

/** Waits until every job is answered and nothing lies on a queue; what has not ended by then is for the account to tell. */
async function comeToEnd(
  stage: Stage,
  submission: Submission,
  { endLimitMs, signal }: CampaignOptions,
): Promise<void> {
  const deadline = performance.now() + endLimitMs;
  const isOver = async (): Promise<boolean> => {
    if (submission.unanswered > 0) return false;
    return [...(await depthsOf(stage)).values()].every((messages) => messages === 0);
  };
  while (!(await isOver()) && performance.now() < deadline) await wait(SETTLE_POLL_MS, undefined, { signal });
}

function inWords({ kind, host, detail }: FaultRecord): string {
  return [kind, host === 'broker' ? '' : host, detail.trim()].filter((word) => word !== '').join(' ');
}

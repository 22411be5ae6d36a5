import { setTimeout as wait } from 'node:timers/promises';
import type { SubmittedJob, SubmittedRelease } from './evidence.ts';
import type { Plan, PlannedJob, PlannedRelease } from './plan.ts';
import type { Request, Requester } from './requester.ts';

/** Sends what is planned, each in its time. A message without a confirm is sent again as another job, with another id. */
export class Submission {
  readonly jobs: SubmittedJob[] = [];
  readonly releases: SubmittedRelease[] = [];
  readonly #requester: Requester;
  readonly #signal: AbortSignal;
  readonly #sending = new Set<Promise<void>>();

  /** `signal` ends the waiting for a broker and for the steps of releases. */
  constructor(requester: Requester, signal: AbortSignal) {
    this.#requester = requester;
    this.#signal = signal;
  }

  /** How many sure jobs and steps wait for their final reply. */
  get unanswered(): number {
    const jobs = this.jobs.filter(({ key, isSure }) => isSure && this.#requester.finalsOf(key) === 0);
    return jobs.length + this.#sending.size;
  }

  /** Resolves when the last one has begun to be sent. Aborting `signal` leaves the rest out. */
  async send({ jobs, releases }: Plan, signal: AbortSignal): Promise<void> {
    const since = performance.now();
    const all = [
      ...jobs.map((job) => ({ atMs: job.atMs, send: () => this.#sendJob(job) })),
      ...releases.map((release) => ({ atMs: release.atMs, send: () => this.#sendRelease(release) })),
    ].sort((one, other) => one.atMs - other.atMs);
    for (const { atMs, send } of all) {
      const earlyMs = atMs - (performance.now() - since);
      if (earlyMs > 0) await wait(earlyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const sending = send()
        .catch((error: unknown) => {
          // Neither the broker nor an answer came before the end of the campaign; the account shows it.
          if (!this.#signal.aborted) throw error;
        })
        .finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
  }

  /** Resolves when all is sent and each release has come to its end. */
  async done(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  async #sendJob(job: PlannedJob): Promise<void> {
    const { queue, kind, tries, replyTo } = job;
    for (let { key } = job; ; key = `${key}+`) {
      const answer = await this.#requester.send(
        {
          queue,
          body: bodyOf({ ...job, key }),
          correlationId: key,
          replyTo,
          ...(job.hasMessageId ? { messageId: `message-${key}` } : {}),
        },
        this.#signal,
      );
      const isSure = answer === 'confirmed';
      this.jobs.push({ key, queue, kind, tries, isSure });
      if (isSure) return;
    }
  }

  async #sendRelease({ key, queue, steps, workMs, replyTo }: PlannedRelease): Promise<void> {
    const body = JSON.stringify({ parameters: { key, kind: 'step', tries: 0, ms: workMs } });
    const step: Request = { queue, body, correlationId: key, replyTo };
    let sureSteps = 0;
    let hasMaybeStep = false;
    try {
      while (sureSteps < steps && !hasMaybeStep) {
        if ((await this.#requester.send(step, this.#signal)) === 'confirmed') {
          sureSteps += 1;
          await this.#requester.heard(key, sureSteps, this.#signal);
        } else hasMaybeStep = true;
      }
    } finally {
      if (sureSteps > 0 || hasMaybeStep) this.releases.push({ key, queue, sureSteps, hasMaybeStep });
    }
  }
}

function bodyOf({ key, kind, tries, workMs }: PlannedJob): string {
  if (kind === 'undecodable') return `{"parameters": ${key}`;
  const parameters = { kind, tries, ms: workMs };
  return JSON.stringify({ parameters: kind === 'missing' ? parameters : { key, ...parameters } });
}

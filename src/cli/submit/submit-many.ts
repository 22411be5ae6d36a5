import { abortable } from '../../broker/abortable.ts';
import { type Batch, createBatch } from '../../client/batch.ts';
import { watchTrouble } from '../../client/broker-trouble.ts';
import type { Placed } from '../../client/put-on-queue.ts';
import { sendMany } from '../../client/send-many.ts';
import { createTimeLimit, type TimeLimit } from '../../client/time-limit.ts';
import { maskJson } from '../../config/masked-json.ts';
import { formatDuration } from '../../job/duration.ts';
import { type CountBar, createCountBar } from '../terminal/count-bar.ts';
import { isLive } from '../terminal/display-port.ts';
import {
  breakSilence,
  complain,
  connectLimitMs,
  type Errand,
  getReady,
  type NotPlaced,
  sayLate,
  sayNotPlaced,
} from './errand.ts';
import { EXIT } from '../exit-codes.ts';
import { summarize, summaryLines } from './summary.ts';
import { harmlessJson, oneLine } from '../terminal/terminal-text.ts';

/** How far a run of many jobs is. */
interface Run {
  readonly errand: Errand;
  readonly count: number;
  readonly batch: Batch;
  readonly bar: CountBar;
  /** When the first was about to be sent, as performance.now(). */
  since: number;
  queued: number;
  uncertain: number;
  /** Starts anew with each final reply. */
  patience: TimeLimit | undefined;
  readonly allEnded: Promise<void>;
}

/** Submits many equal jobs, waits for their ends if there is a reply queue, and returns the exit status. */
export async function submitMany(errand: Errand, count: number): Promise<number> {
  const run = begin(errand, count);
  try {
    const sent = await send(run);
    const ended = sent === EXIT.ok && errand.replyQueue !== undefined ? await waitForEnds(run) : sent;
    return report(run, ended);
  } finally {
    run.bar.close();
  }
}

function begin(errand: Errand, count: number): Run {
  const { job, replyQueue, config } = errand;
  const allEnded = Promise.withResolvers<void>();
  const batch = createBatch({
    job: { ...job, ...(replyQueue === undefined ? {} : { replyTo: replyQueue.name }) },
    count,
    onEnd(id, event) {
      if (errand.isJson) writeJson(errand, { id, ...event });
      else if (event.event === 'failed' && batch.tally.failed === 1)
        run.bar.note(config.secrets.mask(oneLine(`first failure: ${event.message} (job ${id})`)));
      run.patience?.restart();
      if (answered(run) === count) allEnded.resolve();
    },
  });
  const bar = createCountBar(process.stderr, count, errand.isJson, () => lookAt(run));
  const run: Run = {
    errand,
    count,
    batch,
    bar,
    since: performance.now(),
    queued: 0,
    uncertain: 0,
    patience: undefined,
    allEnded: allEnded.promise,
  };
  return run;
}

function lookAt(run: Run): { word: string; done: number } {
  const { errand, queued, count } = run;
  if (errand.replyQueue === undefined) return { word: 'sending', done: queued };
  return { word: queued < count ? 'sending' : 'running', done: answered(run) };
}

/** Puts all of them on the queue; the exit status if that is as far as it gets. */
async function send(run: Run): Promise<number> {
  const { errand, count, batch, bar } = run;
  const { broker, job, interruption } = errand;
  const trouble = watchTrouble(broker.events, (reason) =>
    bar.note(
      reason === undefined
        ? 'connected again'
        : errand.config.secrets.mask(oneLine(`waiting for the broker: ${reason}`)),
    ),
  );
  const silence = breakSilence(errand, trouble, (text) => {
    if (isLive(process.stderr) && !errand.isJson) bar.note(text);
    else process.stderr.write(`${text}\n`);
  });
  const limit = createTimeLimit(connectLimitMs(errand), interruption.signal);
  let hopeless: NotPlaced | undefined;

  function onPlaced(index: number, placed: Placed): void {
    limit.restart();
    silence.refresh();
    if (placed.kind === 'uncertain') run.uncertain += 1;
    else if (placed.kind !== 'queued') hopeless ??= placed;
    else {
      run.queued += 1;
      if (errand.isJson && errand.replyQueue === undefined)
        writeJson(errand, { event: 'submitted', id: batch.idOf(index), queue: job.queue });
    }
  }

  try {
    hopeless = await getReady(errand, batch.hear, limit.signal);
    run.since = performance.now();
    if (hopeless === undefined)
      await sendMany(broker, { count, publicationOf: batch.publicationOf, onPlaced, signal: limit.signal });
  } catch (error) {
    if (!limit.signal.aborted) throw error;
  } finally {
    clearTimeout(silence);
    limit.end();
  }
  if (interruption.signal.aborted) return interruption.exitCode;
  if (hopeless === undefined && !limit.isOver) return EXIT.ok;
  bar.close();
  return hopeless === undefined ? sayLate(errand, trouble.reason) : sayNotPlaced(errand, hopeless, true);
}

async function waitForEnds(run: Run): Promise<number> {
  const { errand, allEnded } = run;
  run.patience = createTimeLimit(errand.timeoutMs, errand.interruption.signal);
  try {
    await abortable(allEnded, run.patience.signal);
  } catch (error) {
    if (!run.patience.signal.aborted) throw error;
  } finally {
    run.patience.end();
  }
  if (errand.interruption.signal.aborted) return errand.interruption.exitCode;
  if (run.batch.tally.failed > 0) return EXIT.jobFailed;
  return run.patience.isOver ? EXIT.tempFail : EXIT.ok;
}

/** Says what became of them, and returns the exit status. */
function report(run: Run, exitCode: number): number {
  const { errand, queued, uncertain, count, since } = run;
  const { replyQueue, interruption, timeoutMs, job } = errand;
  const elapsedMs = performance.now() - since;
  const seconds = Math.round(elapsedMs / 10) / 100;
  run.bar.close();
  if (replyQueue === undefined) {
    if (errand.isJson) writeJson(errand, { event: 'summary', queued, uncertain, seconds });
    else if (queued > 0) process.stderr.write(`${queued} jobs queued in ${seconds} s\n`);
  } else {
    const summary = summarize(run.batch.tally, queued + uncertain, elapsedMs);
    if (errand.isJson) writeJson(errand, summary);
    else process.stdout.write(summaryLines(summary));
    if (exitCode === EXIT.tempFail || (run.patience?.isOver ?? false))
      complain(
        errand,
        `no final reply for ${formatDuration(timeoutMs)}: ${summary.unanswered} jobs go on without us`,
      );
  }
  if (interruption.signal.aborted) {
    const left = replyQueue === undefined ? `${queued} of ${count} jobs are` : `what is unanswered is`;
    process.stderr.write(`interrupted: ${left} on queue ${job.queue} and goes on without us\n`);
  }
  if (replyQueue === undefined && uncertain > 0) {
    complain(
      errand,
      `${uncertain} more jobs may or may not be on queue ${job.queue}: the broker has not confirmed them`,
    );
    return exitCode === EXIT.ok ? EXIT.brokerUnusable : exitCode;
  }
  return exitCode;
}

function answered({ batch: { tally } }: Run): number {
  return tally.completed + tally.failed;
}

function writeJson({ config }: Errand, event: unknown): void {
  process.stdout.write(`${maskJson(harmlessJson(event), config.secrets.mask)}\n`);
}

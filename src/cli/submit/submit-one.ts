import { abortable } from '../../broker/abortable.ts';
import { watchTrouble } from '../../client/broker-trouble.ts';
import { type Follower, follow } from '../../client/follow.ts';
import type { JobEvent } from '../../client/job-event.ts';
import { putOnQueue } from '../../client/put-on-queue.ts';
import { publicationOf } from '../../client/submission.ts';
import { createTimeLimit } from '../../client/time-limit.ts';
import { maskJson } from '../../config/masked-json.ts';
import { formatDuration } from '../../job/duration.ts';
import { createDisplay } from '../terminal/display.ts';
import type { Display } from '../terminal/display-port.ts';
import {
  breakSilence,
  complain,
  connectLimitMs,
  type Errand,
  getReady,
  sayLate,
  sayNotPlaced,
} from './errand.ts';
import { EXIT } from '../exit-codes.ts';
import { noteOnStderr, sayBeside } from '../terminal/note.ts';

/** A job that nobody takes for so long makes one ask why. */
const HINT_AFTER_MS = 2_000;

/** Submits one job, follows it if there is a reply queue, and returns the exit status. */
export async function submitOne(errand: Errand): Promise<number> {
  const display = displayOf(errand);
  try {
    return await carryOut(errand, display);
  } finally {
    display.close();
  }
}

async function carryOut(errand: Errand, display: Display): Promise<number> {
  const { job, replyQueue } = errand;
  const told = inOrder(display);
  const follower = follow(job.id, told.tell, errand.exchange !== undefined);
  const exitCode = await place(errand, display, follower);
  if (exitCode !== EXIT.ok) return exitCode;
  told.begin({ event: 'submitted', id: job.id, queue: job.queue });
  if (replyQueue !== undefined) return waitForEnd(errand, follower, told, display);
  // Its id was not read by anybody: whoever tries again is to know that it would be twice there.
  return process.stdout.errored === null ? EXIT.ok : leave(errand, `job ${job.id} is on queue ${job.queue}`);
}

/** Puts the job on its queue; when that cannot be done, says so and returns the exit status for it. */
async function place(errand: Errand, display: Display, { hear }: Follower): Promise<number> {
  const { broker, job, replyQueue, interruption } = errand;
  const trouble = watchTrouble(broker.events, (reason) =>
    display.note(reason === undefined ? 'connected again' : `waiting for the broker: ${reason}`),
  );
  broker.events.once('binding:refused', ({ reason }) =>
    sayBeside(display, `note: no output and no progress will be shown: ${reason}`),
  );
  const silence = breakSilence(errand, trouble, (text) => sayBeside(display, text));
  const limit = createTimeLimit(connectLimitMs(errand), interruption.signal);
  try {
    const replyTo = replyQueue === undefined ? {} : { replyTo: replyQueue.name, isFollowed: true };
    const obstacle = await getReady(errand, hear, limit.signal);
    const placed =
      obstacle ?? (await putOnQueue(broker, publicationOf({ ...job, ...replyTo }), limit.signal));
    if (placed.kind === 'queued') return EXIT.ok;
    if (placed.kind === 'uncertain' && interruption.signal.aborted)
      return leave(errand, `job ${job.id} may be on queue ${job.queue}`);
    if (placed.kind === 'uncertain' && replyQueue !== undefined && !limit.isOver) {
      // It may well be answered.
      display.note(`the job may not be on the queue: ${placed.reason}`);
      return EXIT.ok;
    }
    display.close();
    return sayNotPlaced(errand, placed, !limit.isOver || trouble.reason !== undefined);
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    display.close();
    if (interruption.signal.aborted) return leave(errand, `nothing was put on queue ${job.queue}`);
    return sayLate(errand, trouble.reason);
  } finally {
    clearTimeout(silence);
    limit.end();
  }
}

async function waitForEnd(
  errand: Errand,
  { ended }: Follower,
  told: Told,
  display: Display,
): Promise<number> {
  const { job, timeoutMs, interruption } = errand;
  const limit = createTimeLimit(timeoutMs, interruption.signal);
  const hint = setTimeout(() => {
    if (!told.isBegun) display.hint('waiting in the queue (is the daemon running?)');
  }, HINT_AFTER_MS);
  try {
    const final = await abortable(ended, limit.signal);
    display.show(final);
    return final.event === 'completed' ? EXIT.ok : EXIT.jobFailed;
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    display.close();
    if (interruption.signal.aborted) return leave(errand, `job ${job.id} goes on without us`);
    complain(errand, `no final reply within ${formatDuration(timeoutMs)}; job ${job.id} goes on without us`);
    return EXIT.tempFail;
  } finally {
    clearTimeout(hint);
    limit.end();
  }
}

interface Told {
  /** Shows an event, or keeps it until the first one was shown. */
  readonly tell: (event: JobEvent) => void;
  readonly begin: (first: JobEvent) => void;
  /** Whether anything was heard of the job. */
  readonly isBegun: boolean;
}

/** A quick job is answered before its own publication is confirmed: what comes early waits for "submitted". */
function inOrder(display: Display): Told {
  const early: JobEvent[] = [];
  let isOpen = false;
  let isBegun = false;
  return {
    tell(event) {
      isBegun = true;
      if (isOpen) display.show(event);
      else early.push(event);
    },
    begin(first) {
      isOpen = true;
      for (const event of [first, ...early.splice(0)]) display.show(event);
    },
    get isBegun() {
      return isBegun;
    },
  };
}

function displayOf({ replyQueue, isJson, config }: Errand): Display {
  const mask = (text: string): string => maskJson(text, config.secrets.mask);
  const stream = process.stdout;
  if (replyQueue !== undefined || isJson) return createDisplay({ json: isJson, stream, mask });
  return {
    show: (event) => event.event === 'submitted' && stream.write(`${event.id}\n`),
    note: (text) => noteOnStderr(mask(text)),
    hint() {},
    close() {},
  };
}

function leave({ interruption }: Errand, words: string): number {
  process.stderr.write(`interrupted: ${words}\n`);
  return interruption.exitCode;
}

import type { Delivery } from '../broker/broker.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Entry, Journal } from '../journal/journal.ts';
import { type Decoded, decode } from '../protocol/decode.ts';
import { readHistory } from '../protocol/history.ts';
import { converse } from './conversation.ts';
import { decide, refuse } from './decide.ts';
import { fingerprint } from './fingerprint.ts';
import { runJob } from './run-job.ts';
import type { Running } from './running.ts';
import { describeDisposal, settle } from './settle.ts';
import type { Workplace } from './workplace.ts';

/**
 * The whole life of one delivery, from the broker's hand back to it. Never throws; returns when the message is
 * settled, or when its delivery was lost and the journal waits for the next one.
 */
export async function perform(delivery: Delivery, at: Workplace): Promise<void> {
  const decoded = decode(delivery, at.policy);
  const print = fingerprint(delivery);
  if (delivery.redelivered && at.running.join(print, delivery)) return;
  const running = at.running.begin(decoded.job, print, delivery);
  try {
    const entry = await openEntry(print, delivery, at.journal);
    const verdict = entry.verdict ?? (await work(running, decoded, entry, at));
    const settlement = await settle(running, verdict.disposal, at.events);
    if (settlement === 'moved') await entry.ended({ ...verdict, disposal: { kind: 'ack' } });
    await (settlement === 'settled' ? entry.settled() : entry.released());
    at.running.announceEnd(running, verdict, describeDisposal(verdict.disposal, settlement));
  } catch (error) {
    at.events.emit('bug', { where: `performing job ${decoded.job.id} of ${delivery.queue}`, error });
  } finally {
    at.running.end(running);
  }
}

/** A redelivery gets the record of an equal message whose delivery was lost to us; everything else a new one. */
async function openEntry(print: string, { redelivered }: Delivery, journal: Journal): Promise<Entry> {
  const recalled = redelivered ? await journal.recall(print) : undefined;
  return recalled ?? (await journal.begin(print));
}

/** From "started" to the confirmed final reply. */
async function work(running: Running, decoded: Decoded, entry: Entry, at: Workplace): Promise<Verdict> {
  const { job, delivery } = running;
  const conversation = converse(job, at.policy, at.speech);
  const history = readHistory(delivery.message);
  // A redelivered message was begun by somebody, and re-core takes a second "started" for the end of the step.
  const isStarted = history.started || entry.isRecalled || delivery.redelivered;
  if (decoded.kind === 'job' && !isStarted) conversation.started();

  const outcome = decoded.kind === 'job' ? await runJob(running, conversation, at) : decoded.failure;
  await at.onOutcome(outcome);

  const verdict =
    decoded.kind === 'undecodable'
      ? refuse(decoded.failure, job)
      : decide(outcome, job, { ...history, started: true }, at.policy);
  await entry.ended(verdict);
  if (verdict.reply !== undefined) await conversation.ended(verdict.reply);
  return verdict;
}

import type { Delivery } from '../broker/broker.ts';
import { failed, type Outcome } from '../job/outcome.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Entry, Journal } from '../journal/journal.ts';
import { type Decoded, decode } from '../protocol/decode.ts';
import { readHistory } from '../protocol/history.ts';
import { type Conversation, converse } from './conversation.ts';
import { decide, keep, refuse } from './decide.ts';
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
    const entry = await openEntry(running, at.journal);
    const verdict = entry.verdict ?? (await work(running, decoded, entry, at));
    const settlement = await settle(running, verdict, at);
    if (settlement === 'moved') await entry.ended({ ...verdict, disposal: { kind: 'ack' } });
    await (settlement === 'settled' ? entry.settled() : entry.released());
    at.running.announceEnd(running, verdict, describeDisposal(verdict.disposal, settlement));
  } catch (error) {
    at.events.emit('bug', { where: `performing job ${decoded.job.id} of ${delivery.queue}`, error });
    await giveUp(running, at).catch(() => {});
  } finally {
    at.running.end(running);
  }
}

/** A redelivery gets the record of its message whose delivery was lost to us; everything else a new one. */
async function openEntry({ job, print, isIdentified }: Running, journal: Journal): Promise<Entry> {
  const message = { queue: job.queue, print, isIdentified };
  const recalled = job.redelivered ? await journal.recall(message) : undefined;
  return recalled ?? (await journal.begin(message));
}

/** From "started" to the confirmed final reply. */
async function work(running: Running, decoded: Decoded, entry: Entry, at: Workplace): Promise<Verdict> {
  const { job } = running;
  const conversation = converse(job, at.policy, at.speech);
  const past = readHistory(running.delivery.message);
  if (past.replied) return keep(job, past.reason ?? 'its requester was answered');
  // A redelivered message was begun by somebody, and re-core takes a second "started" for the end of the step.
  const wasStarted = past.started || entry.isRecalled || job.redelivered;

  const { outcome, isStarted } =
    decoded.kind === 'job'
      ? await run(running, conversation, wasStarted, at)
      : { outcome: decoded.failure, isStarted: wasStarted };
  const history = { ...past, ...(running.isIdentified ? {} : { id: job.id }), started: isStarted };
  const verdict =
    decoded.kind === 'undecodable' ? refuse(decoded.failure, job) : decide(outcome, job, history, at.policy);
  running.verdict = verdict;
  await entry.ended(verdict);
  if (verdict.reply !== undefined) await conversation.ended(verdict.reply, running.delivery);
  return verdict;
}

/** Waits for a slot of the runner, says "started" unless somebody has, and runs the job. */
async function run(
  running: Running,
  conversation: Conversation,
  wasStarted: boolean,
  at: Workplace,
): Promise<{ outcome: Outcome; isStarted: boolean }> {
  const leave = await at.slots.take(at.draining);
  if (leave === undefined) {
    return { outcome: { kind: 'interrupted', reason: 'the daemon stops' }, isStarted: wasStarted };
  }
  try {
    if (!wasStarted) conversation.started();
    const outcome = await runJob(running, conversation, at);
    await at.onOutcome(outcome, running.since);
    return { outcome, isStarted: true };
  } finally {
    leave();
  }
}

/** After a bug of ours: the requester is told and the message is kept, so that neither waits for ever. */
async function giveUp(running: Running, at: Workplace): Promise<void> {
  const verdict = refuse(failed('the job was given up: an error of the worker itself'), running.job);
  const conversation = converse(running.job, at.policy, at.speech);
  if (verdict.reply !== undefined) await conversation.ended(verdict.reply, running.delivery);
  const settlement = await settle(running, verdict, at);
  at.running.announceEnd(running, verdict, describeDisposal(verdict.disposal, settlement));
}

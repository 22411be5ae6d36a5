import { randomUUID } from 'node:crypto';
import type { Delivery } from '../broker/broker.ts';
import type { Told } from '../job/events.ts';
import type { Job } from '../job/job.ts';
import { failed } from '../job/outcome.ts';
import type { Verdict } from '../job/verdict.ts';
import type { Ending, Entry, Journal } from '../journal/journal.ts';
import { printOf } from '../journal/message-print.ts';
import { type Decoded, decode } from '../protocol/decode.ts';
import { type History, readHistory } from '../protocol/history.ts';
import { answer } from './answer.ts';
import { Conversation } from './conversation.ts';
import { decide, giveUpOn, keep, refuse } from './decide.ts';
import type { Policy } from './policy.ts';
import { notTaken, runInTurn } from './run-in-turn.ts';
import type { Running } from './running.ts';
import { describeDisposal, settle } from './settle.ts';
import type { Workplace } from './workplace.ts';

/**
 * The whole life of one delivery, from the broker's hand back to it. Never throws; returns when the message is
 * settled, or when its delivery was lost and the journal waits for the next one.
 */
export async function perform(delivery: Delivery, at: Workplace): Promise<void> {
  const decoded = decode(delivery, at.policy);
  const message = printOf(delivery);
  if (at.running.join(message, delivery)) return;
  if (at.running.holds(message) || at.journal.hasSettled(message))
    return dropDouble(decoded.job, delivery, at);
  const running = at.running.begin(decoded.job, message, delivery);
  const conversation = new Conversation(decoded.job, at.policy, at.speech);
  let entry: Entry | undefined;
  try {
    entry = await openEntry(running, at.journal);
    const known = entry.ending;
    const ending = known ?? (await work(running, decoded, conversation, entry, at));
    running.stage = 'settling';
    running.verdict = ending.verdict;
    const isAnswered = await answer(running, ending, conversation, entry, at);
    const settled = isAnswered
      ? await settle(running, ending.verdict, entry, at)
      : ({ settlement: 'lost', disposal: ending.verdict.disposal } as const);
    // At once, so that from here on the journal is asked, and nobody joins what nobody waits for.
    at.running.end(running);
    await (settled.settlement === 'settled' ? entry.settled() : entry.released());
    const disposal = describeDisposal(settled);
    const reply = isAnswered ? told(ending, conversation) : 'waiting';
    at.running.announceEnd(running, ending.verdict, { disposal, reply, isRepeated: known !== undefined });
  } catch (error) {
    at.events.emit('bug', { where: `performing job ${decoded.job.id} of ${delivery.queue}`, error });
    await giveUp(running, conversation, entry ?? unwritten(), at).catch(() => {});
  } finally {
    at.running.end(running);
  }
}

/** A copy that was published twice: the other one is the job. */
async function dropDouble(job: Job, delivery: Delivery, { events }: Workplace): Promise<void> {
  const { queue, runner, id, attempt } = job;
  events.emit('job:duplicate', { queue, runner, id, attempt });
  await delivery.ack();
}

/** What comes again gets the record of its message whose delivery was lost to us; everything else a new one. */
async function openEntry({ job, message }: Running, journal: Journal): Promise<Entry> {
  const mayBeKnown = job.redelivered || message.identity === 'copy';
  const recalled = mayBeKnown ? await journal.recall(message) : undefined;
  return recalled ?? (await journal.begin(message));
}

/** From "started" to the verdict, written down together with the final reply. */
async function work(
  running: Running,
  decoded: Decoded,
  conversation: Conversation,
  entry: Entry,
  at: Workplace,
): Promise<Ending> {
  const verdict = await reachVerdict(running, decoded, conversation, entry, at);
  const { reply } = verdict;
  if (reply === undefined) return entry.ended(verdict, undefined);
  const ending = await entry.ended(verdict, conversation.finalReply(reply, entry.replyId));
  conversation.ended(reply);
  return ending;
}

async function reachVerdict(
  running: Running,
  decoded: Decoded,
  conversation: Conversation,
  entry: Entry,
  at: Workplace,
): Promise<Verdict> {
  const { job, delivery } = running;
  const past = readHistory(delivery.message);
  const crashes = entry.crashes + delivery.crashes;
  const unrun = judgeUnrun(decoded, past, crashes, at.policy);
  if (unrun !== undefined && at.admit(running.facts)) return unrun;

  // A message that came again was begun by somebody, and re-core takes a second "started" for the end of the step.
  const wasStarted = past.started || entry.isRecalled || job.redelivered;
  const { outcome, isStarted } =
    unrun === undefined
      ? await runInTurn({ running, conversation, entry, crashes, wasStarted }, at)
      : { outcome: notTaken(), isStarted: wasStarted };
  const id = job.correlationId || job.messageId ? {} : { id: job.id };
  return decide(outcome, job, { ...past, ...id, started: isStarted }, at.policy);
}

/** Decides about a message that is not to be run, whatever comes; undefined for a job that may be. */
function judgeUnrun(decoded: Decoded, past: History, crashes: number, policy: Policy): Verdict | undefined {
  const { job } = decoded;
  if (past.replied) return keep(job, past.reason ?? 'its requester was answered');
  if (crashes >= policy.crashLimit) return giveUpOn(job, crashes, past.reason);
  switch (decoded.kind) {
    case 'undecodable':
      return refuse(decoded.failure, job);
    case 'incomplete':
      return decide(decoded.failure, job, past, policy);
    case 'job':
      return undefined;
  }
}

/** After a bug of ours: the requester is told and the message is kept, so that neither waits for ever. */
async function giveUp(
  running: Running,
  conversation: Conversation,
  entry: Pick<Entry, 'replyId' | 'acking' | 'moved'>,
  at: Workplace,
): Promise<void> {
  const failure = failed('the job was given up: an error of the worker itself');
  const verdict = refuse(failure, running.job);
  const reply = conversation.finalReply(failure, entry.replyId);
  if (reply !== undefined) await conversation.answer(reply, failure.kind, running.delivery);
  const disposal = describeDisposal(await settle(running, verdict, entry, at));
  at.running.announceEnd(running, verdict, { disposal, reply: conversation.told, isRepeated: false });
}

/** Of a job that ended before, the requester may have been told by then. */
function told({ verdict, isReplied }: Ending, conversation: Conversation): Told {
  return isReplied && verdict.reply !== undefined ? verdict.reply.kind : conversation.told;
}

/** In place of the record of a job that has none. */
function unwritten(): Pick<Entry, 'replyId' | 'acking' | 'moved'> {
  return { replyId: randomUUID(), acking: async () => {}, moved: async () => {} };
}

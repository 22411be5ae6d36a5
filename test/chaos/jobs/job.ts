import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Blocked, Failed, type Job, type JobContext } from 'rbit-ts';

/** A module job of the fault campaign. Its ledger and its host come as settings. */
export default async function work(
  { attempt, parameters }: Job,
  { settings, signal }: JobContext,
): Promise<unknown> {
  const { key, kind, tries, ms } = parameters;
  const run = `${process.pid}.${randomUUID().slice(0, 8)}`;
  const note = (what: string, how = '-'): void => {
    const line = [what, key, attempt, settings['host'], run, Date.now(), how].join(' ');
    appendFileSync(settings['ledger'] ?? '', `${line}\n`);
  };
  const triesLeft = attempt <= Number(tries);

  note('begin');
  try {
    if (Number(ms) > 0) await wait(Number(ms), undefined, { signal });
  } catch (error) {
    note('end', 'aborted');
    throw error;
  }
  if (kind === 'crash-out' || (kind === 'crash' && triesLeft)) {
    note('end', 'crashed');
    throw new Error('an accident');
  }
  if (kind === 'blocked' && triesLeft) {
    note('end', 'blocked');
    throw new Blocked('not yet', { delay: 300 });
  }
  if (kind === 'failed') {
    note('end', 'failed');
    throw new Failed('declared by the job', { run });
  }
  note('end', 'done');
  return kind === 'step' ? undefined : { run };
}

import { setTimeout as wait } from 'node:timers/promises';
import type { RunFacts } from '../job/events.ts';
import type { JobRecords, RunRecord } from './job-records.ts';
import { type Answer, type Asked, inJson, type Route } from './routes.ts';
import type { RunKeys } from './run-details.ts';
import { bearsToken } from './token.ts';

/** What came of an action, in words for whoever asked for it. */
export interface Said {
  readonly done: boolean;
  readonly says: string;
}

/** A failed job whose message was kept: enough to tell it from all others on its dead-letter queue. */
export interface KeptJob extends RunFacts {
  readonly keptAt: string;
}

/** What somebody with the token may do; names as they are shown. */
export interface Operations {
  pause(queue: string): Promise<Said>;
  resume(queue: string): Promise<Said>;
  /** One run; `run` as in its facts. */
  cancel(job: { readonly run: number }): Said;
  /** Puts a kept job back on its queue, once. */
  retry(job: KeptJob): Promise<Said>;
}

export interface ActionParts {
  readonly operations: Operations;
  /** Undefined: nobody may do anything. */
  readonly token: string | undefined;
  readonly records: JobRecords;
  readonly keys: RunKeys;
}

/** Guessing gets slow, and nobody who knows the token waits. */
const WRONG_TOKEN_MS = 300;

type Names = Readonly<Record<string, unknown>>;

/** The page's actions: each a POST of JSON that bears the token, answered with what came of it. */
export function createActions({ operations, token, records, keys }: ActionParts): ReadonlyMap<string, Route> {
  const acting = (act: (names: Names) => Said | Promise<Said>): Route => {
    return async (asked) => (await whyNot(asked, token)) ?? perform(asked, act);
  };
  const onQueue = (act: (queue: string) => Promise<Said>): Route =>
    acting(({ queue }) => (typeof queue === 'string' ? act(queue) : refused('name a queue')));
  const onRun = (act: (run: number, record: RunRecord | undefined) => Said | Promise<Said>): Route =>
    acting(({ key }) => {
      const run = typeof key === 'string' ? keys.runOf(key) : undefined;
      return run === undefined ? refused('this job is not known here any more') : act(run, records.find(run));
    });
  const retrying = new Set<RunRecord>();

  async function retry(record: RunRecord): Promise<Said> {
    if (retrying.has(record)) return refused('it is being put back already');
    if (record.isRetried === true) return refused('it was put back already');
    const keptAt = record.end?.keptAt;
    if (keptAt === undefined)
      return refused(`not kept: set keep-failed = yes in [runner:${record.facts.runner}]`);
    retrying.add(record);
    try {
      const said = await operations.retry({ ...record.facts, keptAt });
      if (said.done) record.isRetried = true;
      return said;
    } finally {
      retrying.delete(record);
    }
  }

  return new Map<string, Route>([
    ['/api/token', acting(() => ({ done: true, says: 'this is the token' }))],
    ['/api/pause', onQueue((queue) => operations.pause(queue))],
    ['/api/resume', onQueue((queue) => operations.resume(queue))],
    ['/api/cancel', onRun((run) => operations.cancel({ run }))],
    [
      '/api/retry',
      onRun((_run, record) =>
        record === undefined ? refused('this job is not known here any more') : retry(record),
      ),
    ],
  ]);
}

/** Undefined: it may be done. */
async function whyNot({ headers }: Asked, token: string | undefined): Promise<Answer | undefined> {
  if (token === undefined)
    return inJson(403, refused('this page only shows: set token in [http] to allow more'));
  // A page of somebody else's cannot send the header either; this does not rely on that.
  if (headers['sec-fetch-site'] !== undefined && headers['sec-fetch-site'] !== 'same-origin')
    return inJson(403, refused('only this page itself may do that'));
  if (!bearsToken(headers.authorization, token)) {
    await wait(WRONG_TOKEN_MS);
    const answer = inJson(401, refused('wrong token: it is the one of [http] in the INI file'));
    return { ...answer, headers: { 'WWW-Authenticate': 'Bearer' } };
  }
  if (headers['content-type']?.split(';', 1)[0]?.trim() !== 'application/json')
    return inJson(415, refused('say it as application/json'));
  return undefined;
}

async function perform({ body }: Asked, act: (names: Names) => Said | Promise<Said>): Promise<Answer> {
  const names = readNames(body);
  if (names === undefined) return inJson(400, refused('this is no object of JSON'));
  const said = await act(names);
  return inJson(said.done ? 200 : 409, said);
}

function readNames(body: string): Names | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Names) : undefined;
  } catch {
    return undefined;
  }
}

function refused(says: string): Said {
  return { done: false, says };
}

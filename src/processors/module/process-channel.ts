import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Job } from '../../job/job.ts';

const REQUESTS = 3;
const ANSWERS = 4;

// Taken before the module is loaded, which may replace them.
const { parse, stringify } = JSON;
const exit = process.exit.bind(process);

/** A job as the daemon hands it over. */
interface Request {
  /** Of this run of it: no more than letters, digits and `-`. */
  readonly run: string;
  readonly job: Omit<Job, 'parameters' | 'dynamic' | 'notify'>;
  readonly settings: Readonly<Record<string, string>>;
}

/** Says something to the daemon, and waits for room if it must. `json` holds values that are JSON already. */
export function say(
  words: Readonly<Record<string, unknown>>,
  json: Readonly<Record<string, string | undefined>> = {},
): void {
  const written = Object.entries(json).map(([name, value]) =>
    value === undefined ? '' : `,"${name}":${value}`,
  );
  const line = Buffer.from(`${stringify(words).slice(0, -1)}${written.join('')}}\n`);
  try {
    for (let at = 0; at < line.length; ) at += writeSync(ANSWERS, line, at);
  } catch {
    // Nobody listens: the daemon is gone.
    exit(1);
  }
}

/** Hears each job that the daemon hands over; `end` is called when there will be none any more. */
export function listen(
  hear: (run: string, job: Job, settings: Request['settings']) => void,
  end: () => void,
): void {
  const requests = new Socket({ fd: REQUESTS, readable: true, writable: false });
  let parts: Buffer[] = [];
  requests.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let stop = chunk.indexOf('\n'); stop !== -1; stop = chunk.indexOf('\n', start)) {
      const { run, job, settings } = parse(
        Buffer.concat([...parts, chunk.subarray(start, stop)]).toString(),
      ) as Request;
      parts = [];
      start = stop + 1;
      hear(run, withParts(job), settings);
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  });
  requests.on('error', () => requests.destroy());
  requests.on('close', end);
}

function withParts(job: Request['job']): Job {
  const { parameters, dynamic, notify } = (job.body ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...job,
    parameters: objectOr(parameters),
    dynamic: objectOr(dynamic),
    notify: objectOr(notify),
  };
}

function objectOr(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : {};
}

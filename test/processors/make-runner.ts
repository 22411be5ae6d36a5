import { readFile } from 'node:fs/promises';
import type { Job } from '../../src/job/job.ts';
import type { RunContext, Runner } from '../../src/job/runner.ts';
import type { LogLevel, RunnerOptions } from '../../src/processors/options.ts';
import { type Processor, processors as loaders } from '../../src/processors/registry.ts';

/** Folder of the fixtures that runners in tests are looked up from. */
export const FIXTURES = new URL('../fixtures/', import.meta.url).pathname.replace(/\/$/, '');

const processors = new Map(
  await Promise.all([...loaders].map(async ([name, load]) => [name, await load()] as const)),
);

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** What of a runner's options is not as usual; `processor` is one that the registry does not have. */
export type RunnerChanges = Partial<RunnerOptions> & { lines?: LogLine[]; processor?: Processor };

/** Makes a runner from its line, as the daemon would, with short times. Whoever starts it stops it. */
export function makeUnwatchedRunner(line: string, changes: RunnerChanges = {}): Runner {
  const { lines, processor, ...options } = changes;
  const bang = line.indexOf('!');
  const create = processor ?? processors.get(line.slice(0, bang));
  if (create === undefined) throw new Error(`no such processor: ${line}`);
  return create({
    name: 'test-runner',
    spec: line.slice(bang + 1),
    directory: FIXTURES,
    settings: {},
    section: {},
    concurrency: 4,
    killGraceMs: 300,
    env: {},
    limits: {},
    isolation: 'thread',
    maxJobs: 0,
    python: 'python3',
    successCodes: [0],
    blockedCodes: [75],
    unavailableCodes: [126, 127],
    log: (level, message, fields) => lines?.push({ level, message, fields }),
    ...options,
  });
}

export function makeJob(body: unknown = {}, changes: Partial<Job> = {}): Job {
  const parts = (typeof body === 'object' && body !== null ? body : {}) as Partial<Job>;
  return {
    id: 'job-1',
    queue: 'jobs',
    runner: 'test-runner',
    body,
    parameters: parts.parameters ?? {},
    dynamic: parts.dynamic ?? {},
    notify: parts.notify ?? {},
    attempt: 1,
    redelivered: false,
    headers: {},
    ...changes,
  };
}

export interface Watched extends RunContext {
  readonly lines: string[];
  readonly steps: Array<readonly [number, string | undefined]>;
  readonly abort: () => void;
}

/** A context that keeps what it is told. */
export function makeContext(input: string | Uint8Array = ''): Watched {
  const controller = new AbortController();
  const lines: string[] = [];
  const steps: Array<readonly [number, string | undefined]> = [];
  return {
    input: typeof input === 'string' ? Buffer.from(input) : input,
    signal: controller.signal,
    output: (line) => {
      lines.push(line);
      return line;
    },
    heard: () => {},
    progress: (percent, message) => steps.push([percent, message]),
    lines,
    steps,
    abort: () => controller.abort(),
  };
}

/** Whether a process is there and can still do anything. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

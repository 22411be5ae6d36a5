import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from '../../test/support/python.ts';
import { type Child, startChild } from '../child.ts';
import type { Stage } from '../stage.ts';
import type { Place, StartWorker } from './drain.ts';

const programs = fileURLToPath(new URL('../programs', import.meta.url));
const noop = `module!${programs}/noop.mjs`;

/** Keys of a `[runner:…]` section. */
export type RunnerKeys = Readonly<Record<string, string>>;

/** Runners that do nothing, one for each way of doing it, by the name that the tables show. */
export const noopRunners = {
  'module! none': () => ({ runner: noop, isolation: 'none' }),
  'module! thread': () => ({ runner: noop, isolation: 'thread' }),
  'module! process': () => ({ runner: noop, isolation: 'process' }),
  'coprocess!': () => ({ runner: `coprocess!${findPython()} ${programs}/noop-coprocess.py` }),
  'python!': () => ({
    runner: 'python!noop:run',
    'env.PYTHONPATH': programs,
    'env.PYTHONDONTWRITEBYTECODE': '1',
    python: findPython(),
  }),
  'shell!': () => ({ runner: 'shell!true' }),
  'exec!': () => ({ runner: 'exec!true' }),
} as const satisfies Record<string, () => RunnerKeys>;

export type NoopRunner = keyof typeof noopRunners;

export interface RbitOptions {
  /** More lines for the INI file. */
  readonly more?: string;
  /** More queues, each with its runner. */
  readonly mappings?: readonly string[];
  /** For Node itself. */
  readonly nodeArgs?: readonly string[];
  readonly ipc?: boolean;
  /** Without `[amqp]`: the queue is a file in the folder. */
  readonly isEmbedded?: boolean;
}

/** Starts a daemon as an operator would, with its journal on disk, saying nothing but warnings. */
export function startRbit(stage: Stage, place: Place, keys: RunnerKeys, options: RbitOptions = {}): Child {
  const ini = join(place.folder, 'bench.ini');
  const lines = Object.entries({ concurrency: String(place.atOnce), ...keys });
  writeFileSync(
    ini,
    `[rbit]
name = bench
queue-mappings = ${[`${place.queue}:job`, ...(options.mappings ?? [])].join(' ')}
state-dir = .
log-level = warn
${options.isEmbedded === true ? '' : `[amqp]\nurl = ${place.url}`}
[runner:job]
${lines.map(([key, value]) => `${key} = ${value}`).join('\n')}
${options.more ?? ''}
`,
  );
  return startChild(process.execPath, [...(options.nodeArgs ?? []), stage.cli, ini], {
    cwd: place.folder,
    ipc: options.ipc === true,
  });
}

/** Has the daemon fork for each command itself: a key of the runner's section. */
export const COLD_START: RbitOptions = { more: 'warm-start = no' };

/** The same as a worker that can drain a queue. */
export function rbit(name: NoopRunner, options?: RbitOptions): StartWorker {
  // Now, since it may look for Python, which takes longer than a start.
  const keys = noopRunners[name]();
  return (stage, place) => startRbit(stage, place, keys, options);
}

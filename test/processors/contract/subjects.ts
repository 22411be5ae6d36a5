import { existsSync } from 'node:fs';
import { createOwnProcessor } from '../../../src/processors/own.ts';
import { FIXTURES } from '../make-runner.ts';
import type { Subject } from './subject.ts';

/** What is first in PATH may be a wrapper that changes the environment. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const KINDS = 'module!./modules/kinds.ts';

const isWarm = {
  'exit codes': 'its process works many jobs and says how each ended',
} as const;

const isInTheDaemon = {
  'exit codes': 'it is a function: what it returns or throws says how the job ended',
  'an environment of its own': 'it runs in the daemon',
  'a life of its own': 'it runs in the daemon',
  'streams of its own': 'it runs in the daemon',
  'processes of its own': 'it runs in the daemon: what it starts cannot be told from what the daemon starts',
} as const;

const shell: Subject = {
  name: 'shell!',
  line: 'shell!./programs/kinds %{parameters.do} %{parameters.value}',
  options: {},
  cannot: {},
  outputMiB: 1024,
  leavings: 'end with the job',
};

const exec: Subject = { ...shell, name: 'exec!', line: shell.line.replace('shell!', 'exec!') };

const shellFromDaemon: Subject = {
  ...shell,
  name: 'shell! without a warm start',
  options: { warmStart: false },
  outputMiB: 64,
};

const moduleInThread: Subject = {
  name: 'module! thread',
  line: KINDS,
  options: { isolation: 'thread' },
  cannot: {
    'exit codes': isInTheDaemon['exit codes'],
    'streams of its own': 'threads have no descriptors of their own',
  },
  outputMiB: 64,
  leavings: 'end with the runner',
};

const moduleInProcess: Subject = {
  name: 'module! process',
  line: KINDS,
  options: { isolation: 'process' },
  cannot: isWarm,
  outputMiB: 256,
  leavings: 'end with the runner',
};

const moduleInDaemon: Subject = {
  name: 'module! none',
  line: KINDS,
  options: { isolation: 'none' },
  cannot: isInTheDaemon,
  outputMiB: 256,
  leavings: 'end with the runner',
};

const coprocess: Subject = {
  name: 'coprocess!',
  line: 'coprocess!exec node ./coprocess/kinds.mjs',
  options: {},
  cannot: isWarm,
  outputMiB: 256,
  leavings: 'end with the runner',
};

const python: Subject = {
  name: 'python!',
  line: 'python!kinds:run',
  options: { directory: `${FIXTURES}/python`, python: PYTHON },
  cannot: isWarm,
  outputMiB: 256,
  leavings: 'end with the runner',
};

const own: Subject = {
  name: '[processor:own]',
  line: 'own!act',
  options: {
    processor: (options) =>
      createOwnProcessor({ name: 'own', module: './kinds.ts', directory: `${FIXTURES}/own` })(options),
  },
  cannot: isInTheDaemon,
  outputMiB: 256,
  leavings: 'end with the runner',
};

/** Every processor, by the name of its test file. */
export const subjects = {
  shell,
  'shell-from-daemon': shellFromDaemon,
  exec,
  'module-thread': moduleInThread,
  'module-process': moduleInProcess,
  'module-none': moduleInDaemon,
  coprocess,
  python,
  own,
} as const;

/** How much a job prints to show that its output is not kept. */
export function outputMiBOf({ outputMiB }: Subject): number {
  return process.env['RBIT_TEST_LONG'] === '1' ? 1024 : outputMiB;
}

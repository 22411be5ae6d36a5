import type { Runner } from '../job/runner.ts';
import { createCoprocessRunner } from './coprocess.ts';
import { createExecRunner } from './exec.ts';
import { createModuleRunner } from './module.ts';
import type { RunnerOptions } from './options.ts';
import { createPythonRunner } from './python.ts';
import { createShellRunner } from './shell.ts';

/** Makes the runner of one section. Does not throw: what is wrong with the line is said by the runner's `start`. */
export type Processor = (options: RunnerOptions) => Runner;

/** Every processor by its name: what stands before the first `!` of a runner's line. */
export const processors: ReadonlyMap<string, Processor> = new Map<string, Processor>([
  ['shell', createShellRunner],
  ['exec', createExecRunner],
  ['module', createModuleRunner],
  ['coprocess', createCoprocessRunner],
  ['python', createPythonRunner],
]);

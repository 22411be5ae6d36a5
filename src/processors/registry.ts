import type { Runner } from '../job/runner.ts';
import type { RunnerOptions } from './options.ts';

/** Makes the runner of one section. Does not throw: what is wrong with the line is said by the runner's `start`. */
export type Processor = (options: RunnerOptions) => Runner;

/** Loads each processor, by its name: what stands before the first `!` of a runner's line. A daemon loads those that it uses. */
export const processors: ReadonlyMap<string, () => Promise<Processor>> = new Map<
  string,
  () => Promise<Processor>
>([
  ['shell', async () => (await import('./shell.ts')).createShellRunner],
  ['exec', async () => (await import('./exec.ts')).createExecRunner],
  ['module', async () => (await import('./module.ts')).createModuleRunner],
  ['coprocess', async () => (await import('./coprocess.ts')).createCoprocessRunner],
  ['python', async () => (await import('./python.ts')).createPythonRunner],
]);

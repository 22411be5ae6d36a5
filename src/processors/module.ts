import type { Runner } from '../job/runner.ts';
import { InDaemonRunner } from './module/in-daemon-runner.ts';
import { createProcessRunner } from './module/process-runner.ts';
import type { RunnerOptions } from './options.ts';
import { createThreadRunner } from './thread/thread-runner.ts';

/** `module!PATH[:EXPORT]`: each job is a call of a JavaScript or TypeScript function, as far from the daemon as `isolation` says. */
export function createModuleRunner(options: RunnerOptions): Runner {
  switch (options.isolation) {
    case 'thread':
      return createThreadRunner(options);
    case 'process':
      return createProcessRunner(options);
    case 'none':
      return new InDaemonRunner(options);
  }
}

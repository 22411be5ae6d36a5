import type { ResourceLimits } from 'node:worker_threads';
import type { ModulePath } from '../module/module-path.ts';
import type { RunList } from '../child/run-list.ts';
import type { Log } from '../options.ts';

/** What the threads of one module runner have in common. */
export interface ThreadOptions {
  readonly module: ModulePath;
  readonly settings: Readonly<Record<string, string>>;
  /** The whole environment of the thread. */
  readonly env: Readonly<Record<string, string>>;
  readonly killGraceMs: number;
  readonly resourceLimits?: ResourceLimits;
  readonly runList?: RunList | undefined;
  readonly log?: Log | undefined;
}

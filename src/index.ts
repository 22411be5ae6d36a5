/* What a module runner imports from `rbit-ts`. Kept small: each thread of each module runner may load it. */

export { Blocked, Failed } from './job/failures.ts';
export type { Job } from './job/job.ts';
export type { JobContext, JobFunction, JobLog } from './processors/job-context.ts';
export type {
  ProcessorContext,
  ProcessorFactory,
  ProcessorOptions,
  ProcessorRunner,
} from './processors/own-processor.ts';

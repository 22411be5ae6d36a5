import type { MessagePort } from 'node:worker_threads';
import type { Job } from '../../job/job.ts';
import type { JobEnd } from '../module/job-end.ts';
import type { ModulePath } from '../module/module-path.ts';
import type { LogLevel } from '../options.ts';

/** What a thread is born with; it takes it away from where the module could find it. */
export interface ThreadData extends ModulePath {
  readonly settings: Readonly<Record<string, string>>;
  /** Its end of its channel with the daemon. */
  readonly port: MessagePort;
  /** Of Unread. */
  readonly unread: SharedArrayBuffer;
  /** Of Calls. */
  readonly calls: SharedArrayBuffer;
}

/** What the daemon says to a thread. `id` is a number for one run, made by the daemon. */
export type ToThread =
  | { readonly kind: 'run'; readonly id: number; readonly job: Job }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'ping'; readonly count: number };

/** What a thread says to the daemon; without `id` it concerns no job that is running. */
export type FromThread =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'pong'; readonly count: number }
  | CountedFromThread
  | { readonly kind: 'ended'; readonly id: number; readonly end: JobEnd }
  /** The last word of a thread that an exception or process.exit is ending. */
  | { readonly kind: 'dying'; readonly id?: number; readonly reason: string; readonly stack?: string };

/** What a job can say as often as it likes: `size` counts as unread until the daemon has heard it. */
export type CountedFromThread =
  | {
      readonly kind: 'output';
      readonly id?: number;
      readonly lines: readonly string[];
      readonly size: number;
    }
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly percent: number;
      readonly message?: string;
      readonly size: number;
    }
  | {
      readonly kind: 'log';
      readonly id?: number;
      readonly level: LogLevel;
      readonly message: string;
      /** JSON. */
      readonly fields?: string;
      readonly size: number;
    };

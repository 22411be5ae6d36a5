/**
 * What can be seen of a job from outside, in the order in which it happens; also the lines of `--json`.
 * `completed` and `failed` are the last of a job that is submitted; `blocked`, `unavailable`, `interrupted` and
 * `retrying` end the one run of a job that is tried. Durations are milliseconds.
 */
export type JobEvent =
  | { readonly event: 'submitted'; readonly id: string; readonly queue: string }
  | { readonly event: 'started' }
  | { readonly event: 'output'; readonly line: string }
  | { readonly event: 'progress'; readonly percent: number; readonly message?: string }
  | { readonly event: 'completed'; readonly data?: unknown }
  | { readonly event: 'failed'; readonly message: string; readonly data?: unknown }
  | {
      readonly event: 'blocked' | 'unavailable' | 'interrupted';
      readonly reason: string;
      readonly delayMs?: number;
    }
  | { readonly event: 'retrying'; readonly message: string; readonly delayMs: number };

import type { Policy } from '../../src/worker/policy.ts';

/** What a runner is treated by that says nothing of it. */
export const policy: Policy = {
  runner: 'r',
  body: 'json',
  required: [],
  concurrency: 1,
  timeoutMs: undefined,
  idleTimeoutMs: undefined,
  maxOutput: undefined,
  redact: [],
  killGraceMs: 0,
  blockedDelay: { minMs: 30_000, maxMs: 120_000 },
  blockedLimit: 0,
  retries: 0,
  retryDelay: { minMs: 1_000, maxMs: 60_000 },
  crashLimit: 3,
  onRestart: 'rerun',
  keepFailed: false,
  output: true,
  notify: false,
};

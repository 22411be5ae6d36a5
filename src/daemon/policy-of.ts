import type { RunnerConfig } from '../config/config.ts';
import type { Policy } from '../worker/policy.ts';

/** How the jobs of a `[runner:NAME]` section are treated, in the worker's words. */
export function policyOf(section: RunnerConfig): Policy {
  return {
    runner: section.name,
    body: section.body,
    required: section.required,
    concurrency: section.concurrency,
    timeoutMs: section.timeoutMs,
    idleTimeoutMs: section.idleTimeoutMs,
    killGraceMs: section.killGraceMs,
    blockedDelay: section.blockedDelay,
    blockedLimit: section.blockedLimit,
    retries: section.retries,
    retryDelay: section.retryDelay,
    crashLimit: section.crashLimit,
    // An unacknowledged message is the broker's, which hands it out again: that is no reason to fail.
    onRestart: section.ack === 'receipt' ? section.onRestart : 'rerun',
    keepFailed: section.keepFailed,
    maxOutput: section.maxOutput,
    redact: section.redact,
    output: section.output,
    notify: section.notify,
  };
}

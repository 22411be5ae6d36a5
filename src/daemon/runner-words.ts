import type { RunnerConfig } from '../config/config.ts';
import type { DelayRange } from '../config/values.ts';
import { formatDuration } from '../job/duration.ts';

/** The keys of a `[runner:NAME]` section that are rbit-ts's own, each with its value as one would write it. */
export const runnerWords: Readonly<Record<string, (runner: RunnerConfig) => string>> = {
  runner: ({ processor, spec }) => `${processor}!${spec}`,
  concurrency: ({ concurrency }) => String(concurrency),
  timeout: ({ timeoutMs }) => durationOrNone(timeoutMs),
  'kill-grace': ({ killGraceMs }) => formatDuration(killGraceMs),
  'blocked-delay': ({ blockedDelay }) => rangeWords(blockedDelay),
  'blocked-limit': ({ blockedLimit }) => String(blockedLimit),
  retries: ({ retries }) => String(retries),
  'retry-delay': ({ retryDelay }) => rangeWords(retryDelay),
  'crash-limit': ({ crashLimit }) => String(crashLimit),
  'keep-failed': ({ keepFailed }) => yesOrNo(keepFailed),
  ack: ({ ack }) => ack,
  'on-restart': ({ onRestart }) => onRestart,
  body: ({ body }) => body,
  required: ({ required }) => listWords(required),
  'idle-timeout': ({ idleTimeoutMs }) => durationOrNone(idleTimeoutMs),
  'max-output': ({ maxOutput }) => orNone(maxOutput),
  redact: ({ redact }) => listWords(redact),
  cwd: ({ cwd }) => orNone(cwd),
  user: ({ user }) => orNone(user),
  group: ({ group }) => orNone(group),
  nice: ({ nice }) => orNone(nice),
  memory: ({ memory }) => orNone(memory),
  output: ({ output }) => yesOrNo(output),
  notify: ({ notify }) => yesOrNo(notify),
  'success-codes': ({ successCodes }) => listWords(successCodes),
  'blocked-codes': ({ blockedCodes }) => listWords(blockedCodes),
  'unavailable-codes': ({ unavailableCodes }) => listWords(unavailableCodes),
  'warm-start': ({ warmStart }) => yesOrNo(warmStart),
  isolation: ({ isolation }) => isolation,
  threads: ({ threads }) => orNone(threads),
  'max-jobs': ({ maxJobs }) => String(maxJobs),
  python: ({ python }) => python,
  'folder of its INI file': ({ directory }) => directory,
};

/** Durations in milliseconds, as one would write them. */
export function durationOrNone(ms: number | undefined): string {
  return ms === undefined ? 'none' : formatDuration(ms);
}

export function orNone(value: string | number | undefined): string {
  return value === undefined ? 'none' : String(value);
}

export function listWords(values: readonly unknown[]): string {
  return values.length === 0 ? 'none' : values.join(' ');
}

function rangeWords({ minMs, maxMs }: DelayRange): string {
  return minMs === maxMs ? formatDuration(minMs) : `${formatDuration(minMs)}..${formatDuration(maxMs)}`;
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

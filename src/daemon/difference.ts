import type { Config, QueueConfig, RbitConfig, RunnerConfig } from '../config/config.ts';
import { formatDuration } from '../job/duration.ts';
import { listWords, orNone, runnerWords } from './runner-words.ts';

/** What there is to know beside the two configurations. */
export interface DifferenceOptions {
  /** How many jobs of a queue run now. */
  readonly running: (queue: string) => number;
  /** Masks the secrets of both. */
  readonly mask: (text: string) => string;
}

const rbitWords: Readonly<Record<string, (rbit: RbitConfig) => string>> = {
  'shutdown-timeout': ({ shutdownTimeoutMs }) => formatDuration(shutdownTimeoutMs),
  'log-level': ({ logLevel }) => logLevel,
  'reply-gap': ({ replyGapMs }) => formatDuration(replyGapMs),
  'reply-to-allow': ({ replyToAllow }) => listWords(replyToAllow),
};

const queueWords: Readonly<Record<string, (queue: QueueConfig) => string>> = {
  bind: ({ bind }) => listWords(bind),
  'queue-type': ({ queueType }) => orNone(queueType),
  'dead-letter': ({ deadLetter }) => deadLetter,
};

const LONGEST_VALUE = 80;

/** What a reload changes, in words: one line a fact, such as `runner pdf: concurrency 2 → 4`. Without secrets. */
export function difference(before: Config, after: Config, { running, mask }: DifferenceOptions): string[] {
  const isHidden = (section: string, key: string): boolean =>
    [before, after].some(({ hidden }) => hidden.has(`${section}.${key}`));

  function changesIn<T>(
    words: Readonly<Record<string, (section: T) => string>>,
    section: string,
    [old, now]: readonly [T, T],
  ): string[] {
    return Object.entries(words).flatMap(([key, wordsOf]) => {
      const [was, is] = [wordsOf(old), wordsOf(now)];
      if (was === is) return [];
      const isShown = !isHidden(section, key) && [was, is].every(isPresentable);
      return [isShown ? `${key} ${was} → ${is}` : `${key} changed`];
    });
  }

  function queueLines(queue: string): string[] {
    const [was, is] = [before.mappings.get(queue), after.mappings.get(queue)];
    if (is === undefined) return [`queue ${queue}: removed${stillRunning(running(queue))}`];
    if (was === undefined) return [`queue ${queue}: added, runner ${is}`];
    const [old, now] = [before.queues.get(queue), after.queues.get(queue)];
    const facts =
      old === undefined || now === undefined ? [] : changesIn(queueWords, `queue:${queue}`, [old, now]);
    const lines = [...(was === is ? [] : [`runner ${was} → ${is}`]), ...facts];
    return lines.map((line) => `queue ${queue}: ${line}`);
  }

  function runnerLines(name: string): string[] {
    const [was, is] = [mapped(before).get(name), mapped(after).get(name)];
    if (is === undefined) return [`runner ${name}: removed`];
    if (was === undefined) return [`runner ${name}: added`];
    const lines = [
      ...changesIn(runnerWords, `runner:${name}`, [was, is]),
      ...keyLines('', was.settings, is.settings),
      ...keyLines('env.', was.env, is.env),
      ...(was.processor === is.processor ? processorLines(is.processor) : []),
    ];
    return lines.map((line) => `runner ${name}: ${line}`);
  }

  function processorLines(name: string): string[] {
    const [was, is] = [before, after].map(({ processors }) => processors.get(name));
    const isSame = was?.module === is?.module && was?.directory === is?.directory;
    return isSame ? [] : [`module of processor ${name} changed`];
  }

  const rbit = changesIn(rbitWords, 'rbit', [before.rbit, after.rbit]);
  return [
    ...rbit.map((line) => `[rbit] ${line}`),
    ...union(before.mappings.keys(), after.mappings.keys()).flatMap(queueLines),
    ...union(mapped(before).keys(), mapped(after).keys()).flatMap(runnerLines),
  ].map(mask);
}

/** Values of settings and variables may be anybody's secrets: none is ever shown. */
function keyLines(
  prefix: string,
  was: Readonly<Record<string, string>>,
  is: Readonly<Record<string, string>>,
): string[] {
  return union(Object.keys(was), Object.keys(is)).flatMap((key) => {
    if (was[key] === is[key]) return [];
    const what = is[key] === undefined ? 'removed' : was[key] === undefined ? 'added' : 'changed';
    return [`${prefix}${key} ${what}`];
  });
}

function mapped({ mappings, runners }: Config): Map<string, RunnerConfig> {
  const names = new Set(mappings.values());
  return new Map([...runners].filter(([name]) => names.has(name)));
}

function stillRunning(jobs: number): string {
  if (jobs === 0) return '';
  return `, ${jobs === 1 ? '1 job' : `${jobs} jobs`} still running`;
}

/** In one line, and short enough to be read there. */
function isPresentable(text: string): boolean {
  return text.length <= LONGEST_VALUE && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
}

function union(some: Iterable<string>, others: Iterable<string>): string[] {
  return [...new Set([...some, ...others])];
}

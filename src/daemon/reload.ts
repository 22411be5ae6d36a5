import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/config.ts';
import { formatProblem, inOrder, type Problem } from '../config/problem.ts';
import type { ReloadAnswer } from '../control/messages.ts';
import type { RunList } from '../processors/child/run-list.ts';
import type { Crew } from './crew.ts';
import { difference } from './difference.ts';
import type { Log } from './log.ts';
import { isSameRunner, startRunners, stopRunners, tryRunners } from './runners.ts';
import { type Acks, applicable } from './until-restart.ts';

/*
 * read, validate ─→ what takes a restart is left as it is ─→ new and changed runners are started ─→ applied
 *       │                                                              │
 *       └──────── what is wrong is told, and nothing is changed ───────┘
 *
 * All that may fail, or take its time, comes before the last step, which is done within one turn of the event loop.
 */

export interface ReloadParts {
  /** What the daemon works by at the moment. */
  readonly config: Config;
  /** Reads the files again that the daemon was started with. Throws ConfigError. */
  readonly read: () => Promise<Config>;
  readonly crew: Crew;
  readonly acks: Acks;
  readonly runList: RunList | undefined;
  readonly log: Log;
  /** Told just before what is new is worked by. */
  readonly onChange: (config: Config) => void;
  /** Told around each reload, whatever comes of it. */
  readonly onBegin: () => void;
  readonly onEnd: () => void;
}

/** Has the daemon work by what its INI files say now. One reload at a time; those who ask meanwhile share the next one. */
export class Reload {
  readonly #parts: ReloadParts;
  #config: Config;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<ReloadAnswer> | undefined;
  #isClosed = false;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  /** What the daemon works by now. */
  get config(): Config {
    return this.#config;
  }

  /** Says in the log what came of it, too. Rejects only after a bug. */
  async run(): Promise<ReloadAnswer> {
    this.#next ??= this.#runAfter(this.#current);
    return this.#next;
  }

  /** From now on nothing is changed any more; resolves when one that is under way has put away what it began. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await (this.#next ?? this.#current).catch(() => {});
  }

  async #runAfter(last: Promise<unknown>): Promise<ReloadAnswer> {
    await last.catch(() => {});
    this.#next = undefined;
    const answer = this.#runNow();
    this.#current = answer;
    return answer;
  }

  async #runNow(): Promise<ReloadAnswer> {
    const { onBegin, onEnd, log } = this.#parts;
    onBegin();
    try {
      return this.#isClosed ? this.#refuse() : await this.#readAndApply();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const answer = { kind: 'refused', problems: this.#masked(error.problems) } as const;
      logAnswer(log, answer);
      return answer;
    } finally {
      onEnd();
    }
  }

  async #readAndApply(): Promise<ReloadAnswer> {
    const { acks, crew, log, onChange, runList } = this.#parts;
    const current = this.#config;
    const read = await this.#read();
    current.secrets.include(read.secrets);
    const { config: next, waiting } = applicable(current, { ...read, secrets: current.secrets }, acks);
    const started = await startRunners(next, log, runList, (name) => !this.#has(name, next));
    if (this.#isClosed) {
      await stopRunners(started.values());
      return this.#refuse();
    }
    const { mask } = current.secrets;
    const changes = [...difference(current, next, { running: runningIn(crew), mask }), ...waiting.map(mask)];
    this.#config = next;
    onChange(next);
    crew.change(next, started);
    const answer = { kind: 'done', changes, warnings: this.#masked(read.warnings) } as const;
    const { logLevel } = next.rbit;
    // Told while the more talkative of the two levels holds.
    if (log.isLevelEnabled(logLevel)) log.level = logLevel;
    logAnswer(log, answer);
    log.level = logLevel;
    return answer;
  }

  /** With what is wrong with the runners that are new, as `check` would find it. */
  async #read(): Promise<Config> {
    try {
      return await this.#parts.read();
    } catch (error) {
      if (!(error instanceof ConfigError) || error.sound === undefined) throw error;
      const { sound } = error;
      this.#config.secrets.include(sound.secrets);
      const runners = new Map([...sound.runners].filter(([name]) => !this.#has(name, sound)));
      const silent = this.#parts.log.child({}, { level: 'silent' });
      const found = await tryRunners({ ...sound, runners }, silent);
      throw new ConfigError(inOrder(sound.files, [...error.problems, ...found]));
    }
  }

  /** Whether that runner is at work already, just as `next` has it. */
  #has(name: string, next: Pick<Config, 'runners' | 'processors'>): boolean {
    return this.#parts.crew.runners.has(name) && isSameRunner(name, this.#config, next);
  }

  #refuse(): ReloadAnswer {
    const answer = { kind: 'stopping' } as const;
    logAnswer(this.#parts.log, answer);
    return answer;
  }

  #masked(problems: readonly Problem[]): Problem[] {
    const { mask } = this.#config.secrets;
    return problems.map(({ value, fix, message, ...place }) => ({
      ...place,
      ...(value === undefined ? {} : { value: mask(value) }),
      message: mask(message),
      ...(fix === undefined ? {} : { fix: mask(fix) }),
    }));
  }
}

function runningIn({ workers }: Crew): (queue: string) => number {
  return (queue) => {
    const jobs = workers.find((worker) => worker.queue === queue)?.running.list() ?? [];
    return jobs.filter(({ stage }) => stage === 'running').length;
  };
}

function logAnswer(log: Log, answer: ReloadAnswer): void {
  const lineOf = (problem: Problem): string => formatProblem(problem, process.cwd());
  switch (answer.kind) {
    case 'done':
      for (const warning of answer.warnings) log.warn(`reload: ${lineOf(warning)}`);
      for (const change of answer.changes) log.info(`reload: ${change}`);
      if (answer.changes.length === 0) log.info('reload: nothing has changed');
      break;
    case 'refused':
      for (const problem of answer.problems) log.error(`reload: ${lineOf(problem)}`);
      log.error('reload: the configuration is bad, so nothing is changed');
      break;
    case 'stopping':
      log.warn('reload: the daemon stops, so nothing is changed');
  }
}

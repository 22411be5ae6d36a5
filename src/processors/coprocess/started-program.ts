import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type LaunchedChild, launchChild } from '../child/launch-child.ts';
import { openPipeFromChild, openPipeToChild, type Pipe } from '../child/pipe.ts';
import { type ChildExit, type NotStarted, spawnProgram } from '../child/start.ts';
import type { StdioFolder } from '../child/stdio-folder.ts';
import { stopTree } from '../child/stop.ts';
import type { Launcher } from '../limits/launcher.ts';
import type { CoprocessOptions } from './coprocess-options.ts';
import { within } from '../child/within.ts';

/** How long streams are listened to when all that should write to them is gone. */
const STREAMS_LIMIT_MS = 1_000;

/** Our ends of a process's streams. */
interface Streams {
  readonly requests: Writable;
  readonly answers: Readable;
  /** What it prints besides its answers. */
  readonly outputs: readonly Readable[];
  readonly takeUnread: () => Buffer;
}

type Started = Streams & { readonly pid: number; readonly exit: Promise<ChildExit> };

/** How a program ended; without an exit, nobody could end it. */
export interface ProgramEnd {
  readonly exit: ChildExit | undefined;
  readonly isOverMemory: boolean;
  /** The beginning of what was written to it and nobody has read. */
  readonly unread: string;
}

/** What processes are made with. */
export interface Workshop {
  readonly options: CoprocessOptions;
  readonly launcher: Launcher;
  readonly folder: StdioFolder;
}

/** One running process, with its streams. Its streams' errors are none: they only end. */
export class StartedProgram {
  readonly #launched: LaunchedChild<Started>;
  readonly #options: CoprocessOptions;

  private constructor(launched: LaunchedChild<Started>, options: CoprocessOptions) {
    this.#launched = launched;
    this.#options = options;
    for (const stream of this.#allStreams()) stream.on('error', () => stream.destroy());
  }

  /** Starts one, or says why it cannot. Never rejects. */
  static async start({ options, launcher, folder }: Workshop): Promise<StartedProgram | NotStarted> {
    const { command, cwd, env, runList } = options;
    const launched = await launchChild<Started>(
      { program: { ...command, env }, cwd, run: randomUUID() },
      { launcher, runList },
      (program) => openStreams(options.channel, folder, (childEnds) => spawnProgram(program, childEnds)),
    );
    return 'kind' in launched ? launched : new StartedProgram(launched, options);
  }

  get pid(): number {
    return this.#launched.child.pid;
  }

  get streams(): Streams {
    return this.#launched.child;
  }

  /** Resolves when the process itself is gone. Never rejects. */
  get exit(): Promise<ChildExit> {
    return this.#launched.child.exit;
  }

  /** Ends it with all that it has started, and reads what they have written. To be called once. Never rejects. */
  async end(): Promise<ProgramEnd> {
    const { child, marker, held, release } = this.#launched;
    const { killGraceMs, log } = this.#options;
    const readers = [child.answers, ...child.outputs];
    const closed = Promise.all(readers.map((stream) => isClosed(stream)));
    const isGone = await stopTree({ pid: child.pid, marker, held, killGraceMs, includesEscaped: () => true });
    if (!isGone) log?.('warn', 'processes of a coprocess could not be ended', { pid: child.pid });
    const { isOverMemory } = release(isGone);
    const unread = child.takeUnread().toString();
    child.requests.destroy();
    await within(STREAMS_LIMIT_MS, closed);
    // The loop may have been too busy to read what is already there: one turn reads it.
    await nextTurn();
    for (const stream of readers) stream.destroy();
    await within(STREAMS_LIMIT_MS, closed);
    return { exit: await within(STREAMS_LIMIT_MS, child.exit), isOverMemory, unread };
  }

  #allStreams(): Array<Readable | Writable> {
    const { requests, answers, outputs } = this.#launched.child;
    return [requests, answers, ...outputs];
  }
}

async function isClosed(stream: Readable): Promise<void> {
  if (stream.closed) return;
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
  });
}

/** Opens the streams, and spawns with the child's ends of them. Never rejects. */
async function openStreams(
  channel: CoprocessOptions['channel'],
  folder: StdioFolder,
  spawn: (childEnds: readonly number[]) => Promise<{ pid: number; exit: Promise<ChildExit> }>,
): Promise<Started | NotStarted> {
  const opened: Opened = { childEnds: [], ourEnds: [] };
  try {
    const streams = await folder.attempt(() => {
      // A second attempt begins anew.
      for (const stream of opened.ourEnds.splice(0)) stream.destroy();
      for (const end of opened.childEnds.splice(0)) closeSync(end);
      return openAll(channel, folder, opened);
    });
    return { ...streams, ...(await spawn(opened.childEnds)) };
  } catch (error) {
    for (const stream of opened.ourEnds) stream.destroy();
    const { code, message } = error as NodeJS.ErrnoException;
    return { kind: 'not-started', code, message };
  } finally {
    for (const end of opened.childEnds) closeSync(end);
  }
}

/** What has been opened so far. `childEnds`: the child's descriptors 0, 1, 2 and so on. */
interface Opened {
  readonly childEnds: number[];
  readonly ourEnds: Array<{ destroy: () => void }>;
}

async function openAll(
  channel: CoprocessOptions['channel'],
  folder: StdioFolder,
  { childEnds, ourEnds }: Opened,
): Promise<Streams> {
  const add = <P extends Pipe>(pipe: P): P => {
    childEnds.push(pipe.childEnd);
    ourEnds.push(pipe.ourEnd);
    return pipe;
  };
  const fromChild = async () => add(await openPipeFromChild(folder)).ourEnd;
  const toChild = async () => {
    const { ourEnd: requests, takeUnread } = add(await openPipeToChild(folder));
    return { requests, takeUnread };
  };
  if (channel === 'standard')
    return { ...(await toChild()), answers: await fromChild(), outputs: [await fromChild()] };
  childEnds.push(openSync('/dev/null', 'r'));
  const outputs = [await fromChild(), await fromChild()];
  return { outputs, ...(await toChild()), answers: await fromChild() };
}

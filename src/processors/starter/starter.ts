import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';
import { openPipeOf } from '../child/pipe.ts';
import { readProcess } from '../child/process-table.ts';
import type { ChildCommand } from '../child/start.ts';
import { openInput } from '../child/stdio.ts';
import type { StdioFolder } from '../child/stdio-folder.ts';
import { within } from '../child/within.ts';
import { encodeCommand } from './encode-command.ts';
import { type Begun, GivenProgram } from './given-program.ts';
import { type News, readNews } from './read-news.ts';

const SCRIPT = fileURLToPath(new URL('starter.py', import.meta.url));
/** An input that is larger does not go through the pipe that commands go through, but through a file. */
const MOST_WITH_COMMAND = 32 * 1024;
const END_LIMIT_MS = 2_000;
const IDLE_LOOKS = 6;
/** What a starter says of itself before it can take a command. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ENOSYS: 'python3(1) is older than 3.8, or its C library cannot start a session',
  ESRCH: '/proc is that of another PID namespace',
};

/** What becomes of a starter. */
export interface StarterListener {
  /** It can start a program now. */
  readonly onReady: (starter: Starter) => void;
  /** It never will again. `problem`: why it never has. */
  readonly onOver: (starter: Starter, problem: string | undefined) => void;
}

/**
 * A small process that starts programs, one at a time: see starter.py, which it runs. What is started is a child of the
 * starter, so whoever ends that takes nobody's end but its own child's with it.
 */
export class Starter {
  readonly #listener: StarterListener;
  readonly #process: ChildProcessByStdio<Socket, Socket, null>;
  readonly #over: Promise<void>;
  #unread = '';
  /** Its descriptors of our ends of the next program's streams, when it takes one. */
  #ready: Extract<News, { kind: 'ready' }> | undefined;
  #program: GivenProgram | undefined;
  /** One that would not go on when that was looked at, and how far it was then. */
  #silent: { readonly program: GivenProgram; readonly pid: number | undefined } | undefined;
  #idleLooks = 0;
  #problem: string | undefined;

  /** `python`: the program of that name. */
  constructor(python: string, listener: StarterListener) {
    this.#listener = listener;
    this.#problem = `${python} could not run ${SCRIPT}`;
    // Nothing in the daemon's environment can change what Python does.
    this.#process = spawn(python, ['-I', '-S', SCRIPT, String(process.pid)], {
      env: {},
      cwd: '/',
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    }) as ChildProcessByStdio<Socket, Socket, null>;
    this.#process.once('error', ({ message }) => {
      this.#problem = message;
    });
    const { stdin, stdout } = this.#process;
    // Node does not make them when there are too many descriptors.
    if ((stdout as Socket | undefined) === undefined) {
      this.#over = new Promise((resolve) => {
        this.#process.once('error', () => {
          this.#end();
          resolve();
        });
      });
      return;
    }
    stdin.on('error', () => {});
    stdout.on('error', () => {});
    stdout.setEncoding('latin1');
    stdout.on('data', (text: string) => this.#hear(text));
    this.#over = new Promise((resolve) => {
      stdout.once('close', () => {
        this.#end();
        resolve();
      });
    });
  }

  /** A program that was given to it has not ended yet. */
  get isBusy(): boolean {
    return this.#program !== undefined;
  }

  /** StartChild, but undefined: somebody else is to start it, or to find out why nobody can. Never rejects. */
  async start(command: ChildCommand, folder: StdioFolder): Promise<Begun | undefined> {
    try {
      if (command.input.length <= MOST_WITH_COMMAND) return await this.#start(command, folder);
      const stdin = await folder.attempt(() => openInput(folder, command.input));
      try {
        return await this.#start(command, folder, stdin);
      } finally {
        closeSync(stdin);
      }
    } catch {
      if (this.#ready !== undefined) this.#listener.onReady(this);
      return undefined;
    }
  }

  /** Throws when nothing was given to it. */
  #start(command: ChildCommand, { owner }: StdioFolder, stdin?: number): Promise<Begun> {
    const ready = this.#ready;
    const { pid: parent } = this.#process;
    if (ready === undefined || parent === undefined) throw new Error('it has ended meanwhile');
    const bytes = encodeCommand(command, stdin);
    const stdout = openPipeOf(parent, ready.stdout, owner);
    let stderr: number;
    try {
      stderr = openPipeOf(parent, ready.stderr, owner);
    } catch (error) {
      // The next program has this pipe, too: nobody else may read it.
      closeSync(stdout);
      throw error;
    }
    this.#ready = undefined;
    this.#idleLooks = 0;
    const program = new GivenProgram(command.file, { stdout, stderr });
    this.#program = program;
    this.#process.stdin.write(bytes);
    return program.begun;
  }

  /**
   * To be asked from time to time. True when it has had nothing to do for a while, or has not told of what becomes of its
   * program since it was last asked: one that has been stopped, perhaps by its own program, tells nothing.
   */
  isOfNoUse(): boolean {
    const program = this.#program;
    if (program === undefined) return (this.#idleLooks += 1) > IDLE_LOOKS;
    const { pid } = program;
    const isSilent = pid === undefined || (readProcess(pid)?.isZombie ?? !exists(pid));
    const was = this.#silent;
    const isStillSilent = isSilent && was?.program === program && was.pid === pid;
    this.#silent = isSilent ? { program, pid } : undefined;
    return isStillSilent;
  }

  /** Ends it by force; a program that it has started goes on, but how that ends will not be known. */
  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await within(END_LIMIT_MS, this.#over);
    (this.#process.stdin as Socket | undefined)?.destroy();
    (this.#process.stdout as Socket | undefined)?.destroy();
  }

  #hear(text: string): void {
    const lines = (this.#unread + text).split('\n');
    this.#unread = lines.pop() ?? '';
    for (const line of lines) {
      const news = readNews(line);
      if (news !== undefined) this.#learn(news);
    }
  }

  #learn(news: News): void {
    switch (news.kind) {
      case 'ready':
        this.#problem = undefined;
        this.#ready = news;
        return this.#listener.onReady(this);
      case 'started':
        return this.#program?.hearStarted(news.pid);
      case 'failed':
        if (this.#program === undefined)
          this.#problem = PROBLEMS[nameOf(news.errno)] ?? `its streams: ${nameOf(news.errno)}`;
        else this.#takeProgram()?.hearFailed(news.errno);
        return;
      case 'ended':
        return this.#takeProgram()?.hearEnded(news.pid, news.exit);
    }
  }

  #takeProgram(): GivenProgram | undefined {
    const program = this.#program;
    this.#program = undefined;
    return program;
  }

  #end(): void {
    this.#ready = undefined;
    this.#takeProgram()?.lose();
    this.#listener.onOver(this, this.#problem);
  }
}

/** What belongs to another user is not always to be seen in /proc. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function nameOf(errno: number): string {
  return getSystemErrorName(-errno);
}

import { constants } from 'node:os';
import { endProcess } from './end-process.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Whether somebody wants a command to end, and as what. */
export interface Interruption {
  /** Aborts at the first Ctrl-C, SIGTERM or SIGHUP, or when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** Exit status by the custom of shells: 128 and the signal's number. */
  readonly exitCode: number;
  /** Gives the signals back. */
  end(): void;
}

/** Listens to what ends a command, so that it can say what it leaves behind; a second signal ends the process at once. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let exitCode = 0;

  function interrupt(name: NodeJS.Signals): void {
    if (controller.signal.aborted) return;
    exitCode = 128 + constants.signals[name];
    controller.abort(new Error(name));
  }

  function onSignal(name: NodeJS.Signals): void {
    if (controller.signal.aborted) endProcess(exitCode);
    interrupt(name);
  }

  for (const name of SIGNALS) process.on(name, onSignal);
  process.stdout.on('error', () => interrupt('SIGPIPE'));
  process.stderr.on('error', () => {});
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    end() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

/** For a command that leaves nothing behind but processes, which end with it: a module may be loading in one. */
export function endWhenInterrupted(): void {
  const interruption = listenForInterruption();
  interruption.signal.addEventListener('abort', () => endProcess(interruption.exitCode));
}

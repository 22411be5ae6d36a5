import { constants } from 'node:os';

export interface SignalHandlers {
  /** The first SIGINT or SIGTERM. */
  readonly stop: (signal: NodeJS.Signals) => void;
  /** The second one; `exitCode` is 128 and the signal's number. */
  readonly stopNow: (signal: NodeJS.Signals, exitCode: number) => void;
  /** SIGHUP. */
  readonly reload: () => void;
  /** SIGUSR2. */
  readonly report: () => void;
}

/** Listens to the signals of an operator, for as long as the process lives. */
export function listenToSignals({ stop, stopNow, reload, report }: SignalHandlers): void {
  let isStopping = false;
  const onStop = (signal: NodeJS.Signals): void => {
    if (isStopping) stopNow(signal, 128 + constants.signals[signal]);
    else stop(signal);
    isStopping = true;
  };
  process.on('SIGINT', onStop);
  process.on('SIGTERM', onStop);
  process.on('SIGHUP', reload);
  process.on('SIGUSR2', report);
}

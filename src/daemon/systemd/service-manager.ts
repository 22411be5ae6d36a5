/** What a service manager that started this process wants to hear: sd_notify(3), sd_watchdog_enabled(3). */
export interface ServiceManager {
  /** As in NOTIFY_SOCKET: a path, `@` and the name of an abstract socket, or `vsock:CID:PORT`. */
  readonly socket: string;
  /** Silence for so long is an end by SIGABRT; undefined: nobody watches this process. */
  readonly watchdogMs: number | undefined;
}

/**
 * Who wants to hear of this process; undefined: nobody. It is taken out of `env`, so that nothing that is started from
 * now on can speak for the daemon.
 */
export function takeServiceManager(
  env: NodeJS.ProcessEnv = process.env,
  pid = process.pid,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: micros, WATCHDOG_PID: watched } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === '') return undefined;
  const watchdogMs = Number(micros) / 1000;
  const isWatched = watchdogMs > 0 && (watched === undefined || watched === String(pid));
  return { socket, watchdogMs: isWatched ? watchdogMs : undefined };
}

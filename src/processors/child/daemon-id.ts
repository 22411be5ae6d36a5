import { readFileSync, readlinkSync } from 'node:fs';
import { type ProcessId, readProcess } from './process-table.ts';

/** One daemon, told from every other one, also from those before the last start of the system and in other containers. */
export interface DaemonId extends ProcessId {
  /** Of the system's start, from /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Inode of the namespace in which `pid` is its number (pid_namespaces(7)). */
  readonly namespace: string;
}

/** This process. Undefined on a system that does not tell. */
export function ownDaemonId(): DaemonId | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    const self = readProcess(process.pid);
    if (namespace === undefined || self === undefined) return undefined;
    const { pid, startTime } = self;
    return parseDaemonId([boot, namespace, pid, startTime].join('.'));
  } catch {
    return undefined;
  }
}

/** `BOOT.NAMESPACE.PID.STARTTIME`, fit for a file's name. */
export function formatDaemonId({ boot, namespace, pid, startTime }: DaemonId): string {
  return [boot, namespace, pid, startTime].join('.');
}

/** Undefined for anything that `formatDaemonId` does not write. */
export function parseDaemonId(text: string): DaemonId | undefined {
  const [, boot, namespace, pid, startTime] =
    /^([0-9a-f-]{36})\.(\d{1,20})\.([1-9]\d{0,9})\.(\d{1,20})$/.exec(text) ?? [];
  if (boot === undefined || namespace === undefined || pid === undefined || startTime === undefined) {
    return undefined;
  }
  return { boot, namespace, pid: Number(pid), startTime };
}

/**
 * What has become of a daemon, as `own` can know it:
 * `lives`; `ended`: what it has started may be running; `gone`: nothing of it can, the system was started since;
 * `unknown`: it is, or was, in another container.
 */
export function fateOf(daemon: DaemonId, own: DaemonId): 'lives' | 'ended' | 'gone' | 'unknown' {
  if (daemon.boot !== own.boot) return 'gone';
  if (daemon.namespace !== own.namespace) return 'unknown';
  const found = readProcess(daemon.pid);
  if (found === undefined) return isHidden(daemon.pid) ? 'lives' : 'ended';
  return found.startTime === daemon.startTime && !found.isZombie ? 'lives' : 'ended';
}

/** With `hidepid`, /proc does not show what belongs to another user. */
function isHidden(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

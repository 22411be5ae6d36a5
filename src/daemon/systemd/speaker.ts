import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/*
 * Node.js has no datagrams over Unix sockets, so somebody else has to send them. It is one shell that lives as long as
 * the daemon and calls systemd-notify, which is wherever systemd is, knows every kind of socket, and waits until its
 * message has been read: systemd cannot tell whose a message is when its sender has gone. A message costs the daemon a
 * write to a pipe and the machine 4 ms (a start of systemd-notify by the daemon itself: 5 ms of a blocked event loop).
 * The sender is not the main process, hence NotifyAccess=all. A daemon that is stopped or busy says nothing by itself.
 */

/** A message is its fields, a line each, and an empty line. */
const SCRIPT =
  'set --; while IFS= read -r field; do ' +
  'if [ -n "$field" ]; then set -- "$@" "$field"; else systemd-notify "$@" || exit; set --; fi; done';

/** One that lives shorter than this did not fail by chance. */
const STEADY_MS = 10_000;
const LONGEST_FIELD = 500;
const GOODBYE_MS = 1_000;
const NOT_FOUND = 127;

/** Fields of a message as in sd_notify(3), such as `{ STATUS: '3 running' }`. */
export type Fields = Readonly<Record<string, string>>;

export interface SpeakerOptions {
  /** As in NOTIFY_SOCKET. */
  readonly socket: string;
  /**
   * Messages may not have arrived, and why. The next one is tried again; `wasSteady`: those before it were heard, so that
   * it is worth saying at once again what matters.
   */
  readonly onSilent: (reason: string, wasSteady: boolean) => void;
}

/** Says to the service manager what it is given, in that order. */
export class Speaker {
  readonly #options: SpeakerOptions;
  #child: ChildProcess | undefined;

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  /** Returns at once. What the manager reads too slowly for is dropped. */
  say(fields: Fields): void {
    const stdin = (this.#child ??= this.#start()).stdin as Writable | null | undefined;
    if (stdin === null || stdin === undefined || stdin.writableNeedDrain) return;
    const lines = Object.entries(fields).map(([name, value]) => `${name}=${oneLine(value)}\n`);
    stdin.write(`${lines.join('')}\n`);
  }

  /** Resolves when all is said, or after a second. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.ref();
    child.stdin?.end();
    await once(child, 'exit', { signal: AbortSignal.timeout(GOODBYE_MS) }).catch(() => {});
  }

  #start(): ChildProcess {
    const startedAt = performance.now();
    const { PATH = '/usr/bin:/bin' } = process.env;
    // A group of its own: what is meant for the daemon does not end it before the last word.
    const child = spawn('/bin/sh', ['-c', SCRIPT], {
      detached: true,
      env: { PATH, NOTIFY_SOCKET: this.#options.socket },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    // Without descriptors to spare it has no streams, whatever its type says.
    const [stdin, stderr]: (Socket | null | undefined)[] = [child.stdin as Socket, child.stderr as Socket];
    stderr?.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-LONGEST_FIELD);
    });
    const end = (reason: string): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#options.onSilent(reason, performance.now() - startedAt > STEADY_MS);
    };
    child.on('error', (error) => end(error.message));
    child.on('exit', (code, signal) => end(reasonOf(code, signal, said)));
    stdin?.on('error', () => {});
    // It serves the daemon, and must not keep it alive.
    child.unref();
    // The pipes to a child are sockets.
    for (const stream of [stdin, stderr]) stream?.unref();
    return child;
  }
}

function reasonOf(code: number | null, signal: NodeJS.Signals | null, said: string): string {
  if (code === NOT_FOUND) return 'there is no systemd-notify (install it, it comes with systemd)';
  return (
    oneLine(said.trim()) ||
    (signal === null ? `systemd-notify exits with ${code}` : `it was ended by ${signal}`)
  );
}

/** In a field, a line break would begin another one. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  return line.length <= LONGEST_FIELD ? line : `${line.slice(0, LONGEST_FIELD - 1)}…`;
}

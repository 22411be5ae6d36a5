import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';
import { findPython } from './python.ts';

/** One message to a service manager. */
export interface Notification {
  readonly atMs: number;
  readonly fields: Readonly<Record<string, string>>;
}

// Node.js cannot listen to datagrams of Unix sockets. The file descriptors of a BARRIER are closed, as systemd does.
const LISTENER = `
import json, os, socket, sys
name = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind('\\0' + name[1:] if name[0] == '@' else name)
print('null', flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(listener, 65536, 8)
    for fd in fds: os.close(fd)
    print(json.dumps(data.decode()), flush=True)
`;

/** A daemon has to start first, perhaps on a machine that has other things to do. */
const LIMIT_MS = 20_000;

/** What a service manager hears on NOTIFY_SOCKET. */
export class NotifySocket {
  /** As in NOTIFY_SOCKET. */
  readonly address: string;
  readonly heard: Notification[] = [];
  readonly #child: ChildProcess;

  private constructor(address: string, child: ChildProcess) {
    this.address = address;
    this.#child = child;
  }

  /** At a path, or, with `@` before it, at the name of an abstract socket. */
  static async listen(address: string): Promise<NotifySocket> {
    const child = spawn(findPython(), ['-c', LISTENER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
    const listener = new NotifySocket(address, child);
    const lines = createInterface({ input: child.stdout });
    const listening = once(lines, 'line');
    lines.on('line', (line) => listener.#hear(JSON.parse(line) as string | null));
    await listening;
    return listener;
  }

  #hear(message: string | null): void {
    if (message === null || message === 'BARRIER=1') return;
    const fields = message.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    });
    this.heard.push({
      atMs: performance.now(),
      fields: Object.fromEntries(fields) as Record<string, string>,
    });
  }

  /** All that was said of a field, in order. */
  values(field: string): string[] {
    return this.heard.flatMap(({ fields }) => fields[field] ?? []);
  }

  get status(): string | undefined {
    return this.values('STATUS').at(-1);
  }

  /** For how long the watchdog has not been fed. */
  get hungryMs(): number {
    return performance.now() - (this.heard.findLast(({ fields }) => fields['WATCHDOG'] === '1')?.atMs ?? 0);
  }

  /** Waits until the watchdog has been fed so often from now on. */
  async fed(times: number, limitMs = LIMIT_MS): Promise<void> {
    const before = this.values('WATCHDOG').length;
    const isEnough = (): boolean => this.values('WATCHDOG').length >= before + times;
    await eventually(isEnough, `${times} times WATCHDOG=1`, limitMs);
  }

  /** Waits for a status. */
  async said(status: RegExp, limitMs = LIMIT_MS): Promise<string> {
    return eventually(
      () => this.values('STATUS').find((value) => status.test(value)),
      `STATUS ${status} (so far: ${JSON.stringify(this.heard.map(({ fields }) => fields))})`,
      limitMs,
    );
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill();
    await closed;
  }
}

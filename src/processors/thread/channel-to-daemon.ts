import type { MessagePort } from 'node:worker_threads';
import type { CountedFromThread, FromThread, ToThread } from './messages.ts';
import { Unread } from './unread.ts';

/** What a text costs the daemon besides its characters. */
const PER_TEXT = 256;

type Sizeless<T> = T extends { readonly size: number } ? Omit<T, 'size'> : never;

/** How much of the room for what is unread these texts take. */
export function sizeOf(texts: readonly string[]): number {
  return texts.reduce((size, text) => size + text.length + PER_TEXT, 0);
}

/** The thread's end of its channel with the daemon. Made before the module is loaded, so that the module cannot change it. */
export class ChannelToDaemon {
  readonly #unread: Unread;
  readonly #port: MessagePort;
  /** Says what comes once: for each job, or for the thread. */
  readonly post: (message: FromThread) => void;

  constructor(port: MessagePort, unread: SharedArrayBuffer) {
    this.#port = port;
    this.#unread = new Unread(unread);
    this.post = port.postMessage.bind(port);
  }

  hasRoom(): boolean {
    return !this.#unread.isFull();
  }

  /** Says what may come without end: waits until the daemon has heard enough of the rest. `texts` are all that it holds. */
  postWhenRoom(message: Sizeless<CountedFromThread>, texts: readonly string[]): void {
    this.#unread.waitForRoom();
    const size = sizeOf(texts);
    this.#unread.add(size);
    this.post({ ...message, size });
  }

  listen(hear: (message: ToThread) => void): void {
    this.#port.on('message', hear);
  }
}

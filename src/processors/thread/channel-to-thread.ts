import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { FromThread, ThreadData, ToThread } from './messages.ts';
import { Calls } from './calls.ts';
import { readFromThread } from './read-from-thread.ts';
import { Unread } from './unread.ts';

/** More than there can be, as long as the thread counts what it says. */
const DRAIN_LIMIT = 10_000;

/** Who hears what a thread says. */
export interface Hearer {
  hear(message: FromThread): void;
  /** The thread has said something that nobody understands, or that could not be passed on. */
  onNonsense(error: unknown): void;
}

/**
 * The daemon's end of its channel with a thread. Not the `parentPort` that every module finds: what comes from there
 * nobody hears.
 */
export class ChannelToThread {
  readonly #hearer: Hearer;
  readonly #port: MessagePort;
  readonly #unread = new Unread();
  #heard = 0;
  #isClosing = false;
  #isClosed = false;
  /** What the thread has begun, which it need not say. */
  readonly calls = new Calls();
  /** What the thread gets of it; `port` has to be transferred. */
  readonly threadEnd: Pick<ThreadData, 'port' | 'unread' | 'calls'>;

  constructor(hearer: Hearer) {
    this.#hearer = hearer;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.threadEnd = { port: port2, unread: this.#unread.buffer, calls: this.calls.buffer };
    port1.on('message', (said: unknown) => this.#receive(said));
    port1.on('messageerror', (error) => this.#hearer.onNonsense(error));
  }

  post(message: ToThread): void {
    this.#port.postMessage(message, []);
  }

  /** Hears what the thread has said until now, then nothing more. */
  close(): void {
    this.#isClosing = true;
    for (let left = DRAIN_LIMIT; left > 0 && !this.#isClosed; left--) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) break;
      this.#receive(received.message);
    }
    this.#isClosed = true;
    this.#port.close();
  }

  #receive(said: unknown): void {
    if (this.#isClosed) return;
    try {
      const message = readFromThread(said);
      try {
        this.#hearer.hear(message);
      } finally {
        if ('size' in message) this.#giveRoom(message.size);
      }
    } catch (error) {
      this.#hearer.onNonsense(error);
    }
  }

  /** Once in a turn of the loop, which the thread could otherwise make as long as it likes by saying more and more. */
  #giveRoom(size: number): void {
    if (this.#heard === 0) {
      setImmediate(() => {
        if (!this.#isClosing) this.#unread.subtract(this.#heard);
        this.#heard = 0;
      });
    }
    this.#heard += size;
  }
}

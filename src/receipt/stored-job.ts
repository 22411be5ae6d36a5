import type {
  CopyOptions,
  Delivery,
  Message,
  Publication,
  RequeueOptions,
  Settlement,
} from '../broker/broker.ts';
import type { MessagePrint } from '../journal/message-print.ts';
import { readHistory } from '../protocol/history.ts';
import { TOKEN } from './token.ts';

/*
 * A message as it lies in the file: as it came, with headers of ours.
 *
 *   receipt-token  what it is found by as long as it is in the file, whatever other headers it goes back with
 *   receipt-begun  true if the broker had handed it out before, so that somebody may have said "started"
 *   x-rbit-copy    the token as well, where the message cannot be told from equal ones: replies get one message id by it
 *   x-rbit-id      the job's id, if the message has none of its own
 */

const BEGUN = 'receipt-begun';

/** The message of a delivery, on its way to the file. `token` is 12 to 36 letters, digits, `-` and `_`. */
export function toStored(
  { queue, message, redelivered }: Delivery,
  { identity }: MessagePrint,
  token: string,
): Publication {
  const { body, properties } = message;
  const { [BEGUN]: _forged, ...headers } = properties.headers;
  const isTold = identity === 'copy' || identity === 'message';
  const hasId = Boolean(properties.correlationId || properties.messageId || readHistory(message).id);
  return {
    exchange: '',
    routingKey: queue,
    body,
    properties: {
      ...properties,
      headers: {
        ...headers,
        [TOKEN]: token,
        ...(redelivered ? { [BEGUN]: true } : {}),
        ...(isTold ? {} : { 'x-rbit-copy': token }),
        ...(hasId ? {} : { 'x-rbit-id': token }),
      },
    },
  };
}

/** What is left of a message whose headers have what cannot be written down: `x-rbit-dropped` tells that there was more. */
export function withPlainHeaders(stored: Publication): Publication {
  const plain = Object.entries(stored.properties.headers ?? {}).filter(([, value]) => isPlain(value));
  return {
    ...stored,
    properties: {
      ...stored.properties,
      headers: { ...Object.fromEntries(plain), 'x-rbit-dropped': true },
    },
  };
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}

/** A delivery of a stored message, as if it came from the broker itself. */
export class StoredDelivery implements Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly message: Message;
  readonly redelivered: boolean;
  readonly crashes: number;
  readonly #stored: Delivery;
  readonly #onSettled: () => void;

  /** `onSettled` hears when it has been settled, or lost. */
  constructor(stored: Delivery, onSettled: () => void) {
    this.queue = stored.queue;
    this.exchange = stored.exchange;
    this.message = withoutOurs(stored.message);
    this.redelivered = stored.redelivered || stored.message.properties.headers[BEGUN] === true;
    this.crashes = stored.crashes;
    this.#stored = stored;
    this.#onSettled = onSettled;
  }

  get isLost(): boolean {
    return this.#stored.isLost;
  }

  blame(counts: boolean): Promise<void> {
    return this.#stored.blame(counts);
  }

  isReachable(): Promise<boolean> {
    return this.#stored.isReachable();
  }

  ack(): Promise<Settlement> {
    return this.#stored.ack().finally(this.#onSettled);
  }

  requeue(options: RequeueOptions): Promise<Settlement> {
    const headers = { ...options.headers, [BEGUN]: undefined };
    return this.#stored.requeue({ ...options, headers }).finally(this.#onSettled);
  }

  deadLetter(options: CopyOptions): Promise<Settlement> {
    // It leaves the file, and its job has ended.
    const headers = { ...options.headers, [BEGUN]: undefined, [TOKEN]: undefined };
    return this.#stored.deadLetter({ ...options, headers }).finally(this.#onSettled);
  }
}

function withoutOurs({ body, properties }: Message): Message {
  const { [BEGUN]: _begun, [TOKEN]: _token, ...headers } = properties.headers;
  return { body, properties: { ...properties, headers } };
}

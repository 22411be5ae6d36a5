/**
 * One piece of work, decoded from one message. The same object reaches a shell as environment and a
 * module as its first argument, so everything in it can be copied to another thread.
 */
export interface Job {
  /** The correlation id, else the message id, else one that rbit-ts made. Not unique: re-core uses one id for every step of a release. */
  readonly id: string;
  readonly queue: string;
  /** Name of the `[runner:NAME]` section that carries the job out. */
  readonly runner: string;
  /** The parsed JSON; with `body = any`, the text itself when it is not JSON. */
  readonly body: unknown;
  /** `body.group`, when it is a string. */
  readonly group?: string;
  /** `body.parameters`; empty when the body has none. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** `body.dynamic`; empty when the body has none. */
  readonly dynamic: Readonly<Record<string, unknown>>;
  /** `body.notify`; empty when the body has none. */
  readonly notify: Readonly<Record<string, unknown>>;
  /** Which run of this job it is, as far as its message tells: 1, and one more after each Blocked and each retry. */
  readonly attempt: number;
  /** The broker handed this message out before and never heard what became of it. */
  readonly redelivered: boolean;
  readonly correlationId?: string;
  readonly messageId?: string;
  readonly replyTo?: string;
  /** Message headers as the broker gave them. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** When the message was sent, in milliseconds since 1970, if its sender said so. */
  readonly timestamp?: number;
}

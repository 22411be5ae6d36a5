/**
 * Why a publication failed, and what is left to do:
 * - `unavailable`: nothing was sent; send it again when writable.
 * - `uncertain`: it was sent, the connection went before the confirm; it may have arrived.
 * - `unencodable`: its properties cannot be written down; nothing was sent, and sending it again is no use.
 * - `refused`: the broker will not take this publication; sending it again is no use.
 * - `forbidden`: this user may not publish there as long as nobody allows it; send it again later.
 * - `full`: a queue does not take it now; send it again later.
 * - `unroutable`: no such queue.
 */
export type BrokerErrorKind =
  | 'unavailable'
  | 'uncertain'
  | 'unencodable'
  | 'refused'
  | 'forbidden'
  | 'full'
  | 'unroutable';

export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly kind: BrokerErrorKind;

  constructor(kind: BrokerErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

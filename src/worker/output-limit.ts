import { Buffer } from 'node:buffer';

/**
 * Hands lines on until they are more than `maxBytes` together; then one line that says so, and none after that.
 * Undefined: all of them.
 */
export function upTo(maxBytes: number | undefined, emit: (line: string) => void): (line: string) => void {
  if (maxBytes === undefined) return emit;
  let leftBytes = maxBytes;
  return (line) => {
    if (leftBytes < 0) return;
    leftBytes -= Buffer.byteLength(line) + 1;
    emit(leftBytes < 0 ? `… [the rest is left out: max-output is ${maxBytes} bytes]` : line);
  };
}

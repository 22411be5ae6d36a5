import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/*
 * Imported before amqplib. Its decoder follows nested headers by recursion, so that a message of 25 KB overflows the
 * stack, which ends the connection; the message comes again on the next one, and no queue is worked any more. Headers
 * that cannot be read are taken for none.
 */

type DecodeFields = (slice: Buffer) => Record<string, unknown>;

const require = createRequire(import.meta.url);
const codec = require(join(dirname(require.resolve('amqplib')), 'lib/codec.js')) as {
  decodeFields: DecodeFields;
};
const decodeFields = codec.decodeFields;

codec.decodeFields = (slice) => {
  try {
    return decodeFields(slice);
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
};

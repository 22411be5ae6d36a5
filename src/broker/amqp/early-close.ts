// First: amqplib's parts keep the decoder that they find.
import './safe-codec.ts';
import type { Channel } from 'amqplib';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { watch } from './channel.ts';

/*
 * Imported before amqplib. The broker may close a connection or a channel in one piece with the answer that opens it, and
 * amqplib reads on before anybody has what it opened. Nobody would hear then that it is closed, for ever; and an error to
 * which nobody listens ends the process. So a connection reads on one turn later, and channels are watched from their birth.
 */

/** Methods of amqplib's connections. */
interface Methods {
  acceptLoop: (this: unknown) => void;
  freshChannel: (this: unknown, channel: Channel, options: unknown) => number;
}

const require = createRequire(import.meta.url);
const { Connection } = require(join(dirname(require.resolve('amqplib')), 'lib/connection.js')) as {
  Connection: { prototype: Methods };
};
const { acceptLoop, freshChannel } = Connection.prototype;

Connection.prototype.acceptLoop = function readLater() {
  setImmediate(() => acceptLoop.call(this));
};

Connection.prototype.freshChannel = function watched(channel, options) {
  watch(channel);
  return freshChannel.call(this, channel, options);
};

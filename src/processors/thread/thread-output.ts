import { type Deliver, PrintScope } from '../module/print-scope.ts';
import { type ChannelToDaemon, sizeOf } from './channel-to-daemon.ts';

/** So much goes into one message, and a line more: a chunk may hold millions of lines. */
const MESSAGE_SIZE = 64 * 1024;

/** What is printed in a thread, on its way to the daemon: by the job `id`, or without one by the thread itself. */
export function openScope(channel: ChannelToDaemon, id?: number): PrintScope {
  return new PrintScope(sendBy(channel, id), sendBy(channel));
}

function sendBy(channel: ChannelToDaemon, id?: number): Deliver {
  const sender = id === undefined ? {} : { id };
  return (lines) => {
    for (const batch of batches(lines)) {
      channel.postWhenRoom({ kind: 'output', lines: batch, ...sender }, batch);
    }
  };
}

function* batches(lines: readonly string[]): Iterable<readonly string[]> {
  let batch: string[] = [];
  let size = 0;
  for (const line of lines) {
    batch.push(line);
    size += sizeOf([line]);
    if (size < MESSAGE_SIZE) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

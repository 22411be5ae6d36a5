import type { ChannelModel } from 'amqplib';

interface Inside {
  readonly stream: { cork(): void; uncork(): void };
  readonly muxer: { _scheduleRead(): void; _readIncoming(): void };
}

/**
 * amqplib gathers what all channels write until the next turn of the loop, and then makes a call of the system for each
 * frame of it: most of what a short job costs. Here all of it leaves in one call, and at the end of the turn in which it
 * is written.
 */
export function joinWrites(model: ChannelModel): void {
  const { stream, muxer } = model.connection as unknown as Inside;
  let isScheduled = false;

  function write(): void {
    isScheduled = false;
    stream.cork();
    try {
      muxer._readIncoming();
    } finally {
      stream.uncork();
    }
  }

  muxer._scheduleRead = () => {
    if (isScheduled) return;
    isScheduled = true;
    // After what is under way, and after all that it sets off at once.
    process.nextTick(write);
  };
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Broker, QueueOptions } from '../../../src/broker/broker.ts';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';

/** A started broker, and what it has said of its file: `open`, or why it cannot be used. */
export interface WatchedBroker {
  readonly broker: Broker;
  readonly said: readonly string[];
}

/** A folder of its own for each test, and brokers on queue files in it; all of it is gone when the test is over. */
export interface QueueFolder {
  readonly folder: string;
  /** Path of the queue file that is opened unless another is named. */
  readonly file: string;
  open(queues?: ReadonlyMap<string, QueueOptions>, file?: string): Broker;
  watch(queues?: ReadonlyMap<string, QueueOptions>, file?: string): WatchedBroker;
}

export function useQueueFolder(): QueueFolder {
  const brokers: Broker[] = [];
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rbit-embedded-'));
  });

  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close(2000)));
    rmSync(folder, { recursive: true });
  });

  function watch(
    queues: ReadonlyMap<string, QueueOptions> = new Map(),
    file = join(folder, 'queue.sqlite'),
  ): WatchedBroker {
    const broker = createEmbeddedBroker({ file, exchange: 'topic', queues });
    const said: string[] = [];
    broker.events.on('connection:lost', ({ reason }) => said.push(reason));
    broker.events.on('connection:open', () => said.push('open'));
    brokers.push(broker);
    broker.start();
    return { broker, said };
  }

  return {
    get folder() {
      return folder;
    },
    get file() {
      return join(folder, 'queue.sqlite');
    },
    open: (queues, file) => watch(queues, file).broker,
    watch,
  };
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded-broker.ts';
import { describeBrokerContract } from '../contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbit-embedded-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeBrokerContract(
  'the embedded queue',
  (queues) => createEmbeddedBroker({ file: join(folder, 'queue.sqlite'), exchange: 'contract', queues }),
  { exchange: 'contract' },
);

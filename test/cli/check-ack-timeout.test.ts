import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  type AckTimeoutFacts,
  ackTimeoutWarning,
  holdingText,
  holdingTimeout,
} from '../../src/cli/check-ack-timeout.ts';
import type { RunnerConfig } from '../../src/config/config.ts';
import { queueOptions } from '../../src/daemon/make-broker.ts';
import { load, withAmqp } from '../config/config-folder.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const ASKED_MS = 2 * HOUR_MS + 300_000;

function facts(changes: Partial<AckTimeoutFacts> = {}): AckTimeoutFacts {
  const queue = { queue: 'q', exists: true };
  return { queue, mayBeMade: true, vhost: '/', askedMs: ASKED_MS, setter: 'queue', ...changes };
}

async function runner(lines = 'timeout = 2h'): Promise<RunnerConfig> {
  const config = await load(
    `[rbit]\nqueue-mappings = q:r\n[amqp]\n[runner:r]\nrunner = shell!true\n${lines}\n`,
  );
  const found = config.runners.get('r');
  if (found === undefined) throw new Error('there is no runner');
  return found;
}

const MISSING = { queue: 'q', exists: false };

describe('what holds', () => {
  test.each<[string, Partial<AckTimeoutFacts>, string]>([
    ['what the daemon asks for, where consumers may', { setter: 'consumer' }, '125m'],
    ['what the daemon asks for, where the queue is made with it', { queue: MISSING }, '125m'],
    ["the broker's, where the queue is there already", {}, "broker's (30m)"],
    ["the broker's, where nobody makes the queue", { queue: MISSING, mayBeMade: false }, "broker's (30m)"],
    ["the broker's, where nothing else counts", { setter: 'broker', queue: MISSING }, "broker's (30m)"],
    ['what the queue has', { queue: { queue: 'q', exists: true, consumerTimeoutMs: 2 * HOUR_MS } }, '2h'],
    [
      "the broker's, where what the queue has does not count",
      { setter: 'broker', queue: { queue: 'q', exists: true, consumerTimeoutMs: 2 * HOUR_MS } },
      "broker's (30m)",
    ],
    [
      "the broker's, where nothing is asked for",
      { setter: 'consumer', askedMs: undefined },
      "broker's (30m)",
    ],
  ])('%s', (_what, changes, expected) => {
    expect(holdingText(holdingTimeout(facts(changes)))).toBe(expected);
  });
});

describe('a warning', () => {
  test('names the runner, its timeout, the one that holds, and the cure for this version', async () => {
    const [line, older] = [
      ackTimeoutWarning(facts(), await runner()),
      ackTimeoutWarning(facts({ setter: 'broker' }), await runner()),
    ];
    expect(line).toMatch(
      /^queue q: timeout = 2h of runner r is not below the acknowledgement timeout of 30m/,
    );
    expect(line).toMatch(
      /rabbitmqctl set_policy .*"consumer-timeout":7500000.*smaller timeout.*ack = receipt/,
    );
    expect(line).not.toContain('\n');
    expect(older).toContain('consumer_timeout = 7500000 into rabbitmq.conf');
  });

  test('is not given where the daemon gets what it asks for, or jobs end in time', async () => {
    expect(ackTimeoutWarning(facts({ setter: 'consumer' }), await runner('timeout = none'))).toBeUndefined();
    expect(ackTimeoutWarning(facts({ askedMs: undefined }), await runner('timeout = 29m'))).toBeUndefined();
    expect(ackTimeoutWarning(facts(), await runner('timeout = none'))).toMatch(/timeout = none of runner r/);
  });

  test('is not given for a runner whose messages are acknowledged first', async () => {
    const first: RunnerConfig = { ...(await runner()), ack: 'receipt' };
    expect(ackTimeoutWarning(facts(), first)).toBeUndefined();
  });

  test('of a queue whose own argument is too small says to make it anew, since a policy cannot raise it', async () => {
    const queue = { queue: 'q', exists: true, consumerTimeoutMs: 600_000 };
    const line = ackTimeoutWarning(facts({ queue, askedMs: undefined }), await runner('timeout = 20m'));
    expect(line).toMatch(/timeout of 10m: .*make the queue anew with x-consumer-timeout = 1800000/);
  });

  test('gives a command that a shell takes word by word, whatever the queue is called', async () => {
    const queue = { queue: "it's $(x).[1]", exists: true };
    const line = ackTimeoutWarning(facts({ queue, vhost: 'a b' }), await runner()) ?? '';
    const command = /run: rabbitmqctl (.*), or set a smaller/.exec(line)?.[1] ?? '';
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `printf '%s\\n' ${command}`]);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'set_policy',
      '--apply-to',
      'queues',
      '-p',
      'a b',
      "rbit-ts it's $(x).[1]",
      "^it's \\$\\(x\\)\\.\\[1\\]$",
      '{"consumer-timeout":7500000}',
    ]);
  });
});

describe('what the daemon asks for', () => {
  async function asked(lines: string, mappings = 'q:r'): Promise<unknown[]> {
    const config = await load(
      `[rbit]\nqueue-mappings = ${mappings}\n[amqp]\n[runner:r]\nrunner = shell!true\n${lines}\n`,
    );
    return [...queueOptions(config).values()].map(({ ackTimeoutMs }) => ackTimeoutMs);
  }

  test('is nothing with default settings, so that a queue is made without arguments', async () => {
    expect(await asked('')).toEqual([undefined]);
    expect([...queueOptions(await load(withAmqp())).values()][0]).not.toHaveProperty('ackTimeoutMs');
    expect(await asked('', 'q:r p:r')).toEqual([undefined, undefined]);
  });

  test('is the time of a run with its end, and some minutes to settle, in whole minutes', async () => {
    expect(await asked('timeout = 2h')).toEqual([2 * HOUR_MS + 5 * MINUTE_MS]);
    expect(await asked('timeout = 25m\nkill-grace = 2m')).toEqual([31 * MINUTE_MS]);
  });

  test('is as much for each queue that shares the runner', async () => {
    expect(await asked('timeout = 2h', 'q:r p:r')).toEqual(Array(2).fill(4 * HOUR_MS + 5 * MINUTE_MS));
  });

  test('is never more than RabbitMQ can count', async () => {
    for (const timeout of ['none', '24d'])
      expect(await asked(`timeout = ${timeout}`)).toEqual([24 * 24 * HOUR_MS]);
  });
});

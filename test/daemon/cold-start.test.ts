import { expect, test } from 'vitest';
import type { RunnerConfig } from '../../src/config/config.ts';
import { describeColdStart } from '../../src/daemon/cold-start.ts';

const noPython = () => Promise.resolve('there is no python3(1)');
const configOf = (processor: string, warmStart: boolean) => ({
  runners: new Map([['a', { processor, warmStart } as RunnerConfig]]),
});

test.each(['shell', 'exec'])(
  'whoever runs %s! is told that the daemon will fork, why, and the remedy',
  async (name) => {
    const told = await describeColdStart(configOf(name, true), noPython);
    expect(told).toMatch(/^no warm start .*: there is no python3\(1\);.*install python3.*warm-start = no/);
  },
);

test('nobody is told who has no use for a warm start, or has it', async () => {
  expect(await describeColdStart(configOf('shell', false), noPython)).toBeUndefined();
  expect(await describeColdStart(configOf('module', true), noPython)).toBeUndefined();
  expect(await describeColdStart(configOf('shell', true))).toBeUndefined();
});

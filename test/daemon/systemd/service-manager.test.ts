import { describe, expect, it } from 'vitest';
import { takeServiceManager } from '../../../src/daemon/systemd/service-manager.ts';

const PID = 4711;

describe('what a service manager asks for', () => {
  it.each([
    ['nothing', {}, undefined],
    ['no socket', { NOTIFY_SOCKET: '', WATCHDOG_USEC: '1000' }, undefined],
    ['a socket', { NOTIFY_SOCKET: '@x' }, { socket: '@x', watchdogMs: undefined }],
    [
      'a watchdog for this process',
      { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4711' },
      { socket: '/s', watchdogMs: 30_000 },
    ],
    [
      'a watchdog for whoever it is',
      { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000' },
      { socket: '/s', watchdogMs: 30_000 },
    ],
    [
      'a watchdog for another process',
      { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' },
      { socket: '/s', watchdogMs: undefined },
    ],
    ['nonsense', { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: 'soon' }, { socket: '/s', watchdogMs: undefined }],
  ])('%s is read, and taken out of the environment', (_, asked, expected) => {
    const env: NodeJS.ProcessEnv = { ...asked, HOME: '/root' };
    expect(takeServiceManager(env, PID)).toStrictEqual(expected);
    expect(env).toStrictEqual({ HOME: '/root' });
  });
});

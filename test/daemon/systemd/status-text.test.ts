import { expect, it } from 'vitest';
import { statusText } from '../../../src/daemon/systemd/status-text.ts';
import type { QueueIntake } from '../../../src/http/queue-intake.ts';

function queues(...states: QueueIntake['state'][]): QueueIntake[] {
  return states.map((state, index) => ({ queue: `q${index}`, runner: 'r', state, reason: 'no such queue' }));
}

it.each([
  [queues('consuming'), 0, undefined, '0 running'],
  [queues('consuming', 'paused'), 3, undefined, '3 running, 1 queue paused'],
  [queues('probing', 'paused'), 3, undefined, '3 running, 2 queues paused'],
  [
    queues('not-consumed'),
    0,
    'no connection: refused',
    'no connection: refused; 0 running, 1 queue not consumed',
  ],
])('what systemctl status shows puts trouble first', (list, inHand, brokerTrouble, expected) => {
  expect(statusText({ queues: list, inHand, brokerTrouble }, undefined)).toBe(expected);
});

it('a queue that the daemon is started anew for comes before all else', () => {
  const list = queues('not-consumed', 'consuming');
  expect(statusText({ queues: list, inHand: 0, brokerTrouble: undefined }, list[0])).toBe(
    'queue q0 cannot be consumed (no such queue); 0 running, 1 queue not consumed',
  );
});

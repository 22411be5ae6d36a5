import { expect, test } from 'vitest';
import type { Settlement } from '../../src/broker/broker.ts';
import { Settling } from '../../src/broker/settle-once.ts';

/** A way to settle that ends when it is told to. */
function slowWay() {
  const end = Promise.withResolvers<Settlement>();
  let calls = 0;
  return {
    end,
    way: () => {
      calls += 1;
      return end.promise;
    },
    get calls() {
      return calls;
    },
  };
}

test('whoever comes second hears how the first one ended, and does nothing', async () => {
  const settling = new Settling();
  const [first, second] = [slowWay(), slowWay()];
  const both = [settling.settle(first.way), settling.settle(second.way)];
  expect(settling.isSettled).toBe(false);
  first.end.resolve('settled');
  expect(await Promise.all(both)).toEqual(['settled', 'settled']);
  expect(await settling.settle(second.way)).toBe('settled');
  expect([first.calls, second.calls, settling.isSettled]).toEqual([1, 0, true]);
});

test.each(['lost', 'moved'] as const)('what is %s stays so, and is not settled', async (settlement) => {
  const settling = new Settling();
  expect(await settling.settle(async () => settlement)).toBe(settlement);
  expect(await settling.settle(async () => 'settled')).toBe(settlement);
  expect(settling.isSettled).toBe(false);
});

test('when the first one fails, all who waited hear of it, and another may settle', async () => {
  const settling = new Settling();
  const first = slowWay();
  const both = [settling.settle(first.way), settling.settle(first.way)];
  const again = both[0]?.catch(() => settling.settle(async () => 'settled'));
  first.end.reject(new Error('no such queue'));
  const fates = await Promise.allSettled(both);
  expect(fates.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await again).toBe('settled');
  expect(await settling.settle(async () => 'lost')).toBe('settled');
});

test('a way that cannot even begin leaves the delivery to others', async () => {
  const settling = new Settling();
  const broken = (): never => {
    throw new Error('a bug');
  };
  expect(() => settling.settle(broken)).toThrow('a bug');
  expect(await settling.settle(async () => 'settled')).toBe('settled');
});

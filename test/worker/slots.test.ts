import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/worker/slots.ts';

const never = new AbortController().signal;

describe('slots', () => {
  it('are given to as many as there are, and then in the order of asking', async () => {
    const slots = new Slots(1);
    const first = await slots.take(never);
    const order: string[] = [];
    const queueUp = async (name: string): Promise<void> => {
      const leave = await slots.take(never);
      order.push(name);
      leave?.();
    };
    const waiting = [queueUp('second'), queueUp('third')];
    expect(order).toStrictEqual([]);
    first?.();
    await Promise.all(waiting);
    expect(order).toStrictEqual(['second', 'third']);
  });

  it('are not waited for any longer when the signal aborts, and none is lost by that', async () => {
    const slots = new Slots(1);
    const leave = await slots.take(never);
    const impatient = new AbortController();
    const waiting = slots.take(impatient.signal);
    const patient = slots.take(never);
    impatient.abort();
    expect(await waiting).toBeUndefined();
    leave?.();
    expect(await patient).toBeTypeOf('function');
  });

  it('are not waited for any longer when any of several signals aborts, and nobody listens after that', async () => {
    const slots = new Slots(1);
    const leave = await slots.take(never);
    const [impatient, patient] = [new AbortController(), new AbortController()];
    const waiting = [slots.take(patient.signal, impatient.signal), slots.take(patient.signal)];
    impatient.abort();
    expect(await waiting[0]).toBeUndefined();
    leave?.();
    expect(await waiting[1]).toBeTypeOf('function');
    expect(getEventListeners(patient.signal, 'abort')).toHaveLength(0);
  });

  it('are not given to who comes too late, though they are free', async () => {
    expect(await new Slots(1).take(AbortSignal.abort())).toBeUndefined();
  });

  it('become more at once, for those who wait the longest', async () => {
    const slots = new Slots(1);
    await slots.take(never);
    const got: number[] = [];
    const waiting = [1, 2, 3].map(async (number) => {
      await slots.take(never);
      got.push(number);
    });
    slots.resize(3);
    await Promise.all(waiting.slice(0, 2));
    expect(got).toStrictEqual([1, 2]);
    expect(slots.isFree).toBe(false);
  });

  it('become fewer as they are given back: nobody gets one before', async () => {
    const slots = new Slots(3);
    const leaves = [await slots.take(never), await slots.take(never), await slots.take(never)];
    slots.resize(1);
    let isTaken = false;
    const next = slots.take(never).finally(() => {
      isTaken = true;
    });
    leaves[0]?.();
    leaves[1]?.();
    await new Promise(setImmediate);
    expect(isTaken).toBe(false);
    leaves[2]?.();
    await next;
  });

  it('are kept for who was woken: nobody who asks in between comes first', async () => {
    const slots = new Slots(1);
    const leave = await slots.take(never);
    const order: string[] = [];
    const queueUp = async (name: string): Promise<void> => {
      const next = await slots.take(never);
      order.push(name);
      next?.();
    };
    const first = queueUp('first');
    leave?.();
    await Promise.all([first, queueUp('second')]);
    expect(order).toStrictEqual(['first', 'second']);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { completed, type Outcome } from '../../src/job/outcome.ts';
import { CallOff } from '../../src/worker/call-off.ts';
import { type Limits, runWithin } from '../../src/worker/deadline.ts';

function limits(timeoutMs: number | undefined): Limits {
  return { timeoutMs, idleTimeoutMs: undefined, killGraceMs: 0, onStuck: () => {} };
}

/** Ends as soon as it is asked to. */
const untilAborted = (signal: AbortSignal, outcome: Outcome = completed()): Promise<Outcome> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(outcome);
    signal.addEventListener('abort', () => resolve(outcome));
  });

function standStill(forMs: number): void {
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs);
}

describe('the deadline of a run', () => {
  it('leaves an outcome that comes in time as it is', async () => {
    expect(await runWithin(limits(60_000), new CallOff(), async () => completed(7))).toStrictEqual({
      kind: 'completed',
      data: 7,
    });
    expect(await runWithin(limits(undefined), new CallOff(), async () => completed())).toStrictEqual({
      kind: 'completed',
    });
  });

  it('makes a run that was too long a failure that may be retried, whatever it returns in the end', async () => {
    expect(await runWithin(limits(20), new CallOff(), (signal) => untilAborted(signal))).toStrictEqual({
      kind: 'failed',
      message: 'timed out after 20ms',
      retryable: true,
    });
  });

  it('makes a run that the daemon ended an interrupted one, whatever it returns in the end', async () => {
    const callOff = new CallOff();
    const outcome = runWithin(limits(60_000), callOff, (signal) => untilAborted(signal));
    callOff.now({ kind: 'shutdown' });
    expect(await outcome).toMatchObject({ kind: 'interrupted' });
  });

  it('makes a run that was cancelled a final failure, whatever it returns in the end', async () => {
    const callOff = new CallOff();
    const outcome = runWithin(limits(60_000), callOff, (signal) => untilAborted(signal));
    callOff.now({ kind: 'cancel' });
    expect(await outcome).toStrictEqual({ kind: 'failed', message: 'cancelled', retryable: false });
  });

  it('is over for good when the run is cancelled, even if it was being ended for another reason', async () => {
    const callOff = new CallOff();
    const end = Promise.withResolvers<Outcome>();
    const outcome = runWithin(limits(60_000), callOff, () => end.promise);
    callOff.now({ kind: 'shutdown' });
    callOff.now({ kind: 'cancel' });
    end.resolve(completed());
    expect(await outcome).toMatchObject({ kind: 'failed', message: 'cancelled' });
  });

  it('ends a run that was cancelled before it began', async () => {
    const callOff = new CallOff();
    callOff.now({ kind: 'cancel' });
    const outcome = await runWithin(limits(undefined), callOff, (signal) => untilAborted(signal));
    expect(outcome).toMatchObject({ kind: 'failed', message: 'cancelled' });
  });

  it('ends a run that begins while the daemon is ending', async () => {
    const callOff = new CallOff();
    callOff.now({ kind: 'shutdown' });
    const outcome = await runWithin(limits(undefined), callOff, (signal) => untilAborted(signal));
    expect(outcome).toMatchObject({ kind: 'interrupted' });
  });

  it('waits longer than a timer of Node can: a month does not end at once', async () => {
    const month = 30 * 86_400_000;
    const outcome = await runWithin(limits(month), new CallOff(), async (signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      return completed(signal.aborted);
    });
    expect(outcome).toStrictEqual({ kind: 'completed', data: false });
  });

  it('makes a run that says nothing for too long a failure that may be retried', async () => {
    const silent = { ...limits(undefined), idleTimeoutMs: 30 };
    expect(await runWithin(silent, new CallOff(), (signal) => untilAborted(signal))).toStrictEqual({
      kind: 'failed',
      message: 'said nothing for 30ms',
      retryable: true,
    });
  });

  it('lets a run go on as long as it shows signs of life', async () => {
    const talking = { ...limits(undefined), idleTimeoutMs: 60 };
    const outcome = await runWithin(talking, new CallOff(), async (signal, heard) => {
      const end = performance.now() + 200;
      while (performance.now() < end) {
        heard();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return completed(signal.aborted);
    });
    expect(outcome).toStrictEqual({ kind: 'completed', data: false });
  });

  it.each([
    { timeoutMs: 600, idleTimeoutMs: undefined },
    { timeoutMs: undefined, idleTimeoutMs: 600 },
  ])('is met by a run that ended in time while the daemon stood still: %o', async (some) => {
    const child = spawn('sleep', ['0.1']);
    const ended = once(child, 'exit');
    await once(child, 'spawn');
    const outcome = runWithin({ ...limits(undefined), ...some }, new CallOff(), async () => {
      await ended;
      return completed();
    });
    // Node looks at its timers after that, and hears of the child then.
    await new Promise((resolve) => setImmediate(resolve));
    standStill(1_000);
    expect(await outcome).toStrictEqual({ kind: 'completed' });
  });

  it('ends a run that goes on after the daemon stood still', async () => {
    const outcome = runWithin(limits(100), new CallOff(), (signal) => untilAborted(signal));
    standStill(500);
    expect(await outcome).toMatchObject({ kind: 'failed', message: 'timed out after 100ms' });
  });

  it('keeps no timer of a run that has ended', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await runWithin({ ...limits(60_000), idleTimeoutMs: 60_000 }, new CallOff(), async () => completed());
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
  });

  it('does not wait for the end of a run that ended before it was called off', async () => {
    const callOff = new CallOff();
    await runWithin(limits(60_000), callOff, async () => completed());
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    callOff.now({ kind: 'shutdown' });
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
  });
});

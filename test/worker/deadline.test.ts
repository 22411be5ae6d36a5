import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { completed, type Outcome } from '../../src/job/outcome.ts';
import { runWithin } from '../../src/worker/deadline.ts';

const never = new AbortController().signal;

function limits(timeoutMs: number | undefined, stopping = never, cancelling = never) {
  return { timeoutMs, idleTimeoutMs: undefined, killGraceMs: 0, stopping, cancelling, onStuck: () => {} };
}

/** Ends as soon as it is asked to. */
const untilAborted = (signal: AbortSignal, outcome: Outcome = completed()): Promise<Outcome> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(outcome);
    signal.addEventListener('abort', () => resolve(outcome));
  });

describe('the deadline of a run', () => {
  it('leaves an outcome that comes in time as it is', async () => {
    expect(await runWithin(limits(60_000), async () => completed(7))).toStrictEqual({
      kind: 'completed',
      data: 7,
    });
    expect(await runWithin(limits(undefined), async () => completed())).toStrictEqual({ kind: 'completed' });
  });

  it('makes a run that was too long a failure that may be retried, whatever it returns in the end', async () => {
    expect(await runWithin(limits(20), (signal) => untilAborted(signal))).toStrictEqual({
      kind: 'failed',
      message: 'timed out after 20ms',
      retryable: true,
    });
  });

  it('makes a run that the daemon ended an interrupted one, whatever it returns in the end', async () => {
    const stopping = new AbortController();
    const outcome = runWithin(limits(60_000, stopping.signal), (signal) => untilAborted(signal));
    stopping.abort();
    expect(await outcome).toMatchObject({ kind: 'interrupted' });
  });

  it('makes a run that was cancelled a final failure, whatever it returns in the end', async () => {
    const cancelling = new AbortController();
    const outcome = runWithin(limits(60_000, never, cancelling.signal), (signal) => untilAborted(signal));
    cancelling.abort();
    expect(await outcome).toStrictEqual({ kind: 'failed', message: 'cancelled', retryable: false });
  });

  it('is over for good when the run is cancelled, even if it was being ended for another reason', async () => {
    const [stopping, cancelling] = [new AbortController(), new AbortController()];
    const end = Promise.withResolvers<Outcome>();
    const outcome = runWithin(limits(60_000, stopping.signal, cancelling.signal), () => end.promise);
    stopping.abort();
    cancelling.abort();
    end.resolve(completed());
    expect(await outcome).toMatchObject({ kind: 'failed', message: 'cancelled' });
  });

  it('ends a run that was cancelled before it began', async () => {
    const outcome = await runWithin(limits(undefined, never, AbortSignal.abort()), (signal) =>
      untilAborted(signal),
    );
    expect(outcome).toMatchObject({ kind: 'failed', message: 'cancelled' });
  });

  it('ends a run that begins while the daemon is ending', async () => {
    expect(
      await runWithin(limits(undefined, AbortSignal.abort()), (signal) => untilAborted(signal)),
    ).toMatchObject({
      kind: 'interrupted',
    });
  });

  it('waits longer than a timer of Node can: a month does not end at once', async () => {
    const month = 30 * 86_400_000;
    const outcome = await runWithin(limits(month), async (signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      return completed(signal.aborted);
    });
    expect(outcome).toStrictEqual({ kind: 'completed', data: false });
  });

  it('makes a run that says nothing for too long a failure that may be retried', async () => {
    const silent = { ...limits(undefined), idleTimeoutMs: 30 };
    expect(await runWithin(silent, (signal) => untilAborted(signal))).toStrictEqual({
      kind: 'failed',
      message: 'said nothing for 30ms',
      retryable: true,
    });
  });

  it('lets a run go on as long as it shows signs of life', async () => {
    const talking = { ...limits(undefined), idleTimeoutMs: 60 };
    const outcome = await runWithin(talking, async (signal, heard) => {
      const end = performance.now() + 200;
      while (performance.now() < end) {
        heard();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return completed(signal.aborted);
    });
    expect(outcome).toStrictEqual({ kind: 'completed', data: false });
  });

  it('keeps no timer of a run that has ended', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await runWithin({ ...limits(60_000), idleTimeoutMs: 60_000 }, async () => completed());
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
  });

  it('leaves no listener behind on the signal that all runs share', async () => {
    const stopping = new AbortController();
    await Promise.all(
      Array.from({ length: 50 }, () => runWithin(limits(60_000, stopping.signal), async () => completed())),
    );
    expect(getEventListeners(stopping.signal, 'abort')).toHaveLength(0);
  });
});

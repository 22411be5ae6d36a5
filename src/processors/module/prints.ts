import { AsyncLocalStorage } from 'node:async_hooks';
import type { PrintScope } from './print-scope.ts';

/*
 * Sorts what is printed in this thread by the job whose code prints it. What is nobody's goes to the `rest`, or, without
 * one, where it would have gone.
 */

type WriteCallback = (error: null) => void;
type Write = (chunk: string | Uint8Array, ...more: unknown[]) => boolean;

const scopes = new AsyncLocalStorage<PrintScope | undefined>();

/** Runs `work`, and all that it ever sets off, as the scope's. */
export function runAs<T>(scope: PrintScope, work: () => T): T {
  return scopes.run(scope, work);
}

/** What the daemon does for a job is not the job's: what it prints meanwhile is its own log. */
export function asDaemon(work: () => void): void {
  scopes.run(undefined, work);
}

/** Whose code is running now, also when its job has ended; undefined when it is no job's. */
export function currentScope(): PrintScope | undefined {
  return scopes.getStore();
}

/** Takes over stdout and stderr of this thread, and with them `console`. Returns what gives them back. */
export function capturePrints(rest?: PrintScope): () => void {
  const undo = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name] as unknown as { write: Write };
    const original = stream.write;
    const write: Write = (chunk, ...more) => {
      const scope = scopes.getStore() ?? rest;
      if (scope === undefined) return Reflect.apply(original, stream, [chunk, ...more]);
      scope.write(name, toBuffer(chunk, more[0]));
      const callback = more.find((argument) => typeof argument === 'function');
      if (callback !== undefined) callSoon(callback as WriteCallback);
      return true;
    };
    stream.write = write;
    return () => {
      // Unless somebody else has taken them over since.
      if (stream.write === write) stream.write = original;
    };
  });
  return () => undo.forEach((step) => step());
}

interface DueCalls {
  readonly callback: WriteCallback;
  count: number;
}

let due: DueCalls | undefined;

/** As a stream does it: what is always the same, as console's is, costs one turn for many writes. */
function callSoon(callback: WriteCallback): void {
  if (due?.callback === callback) {
    due.count += 1;
    return;
  }
  const calls: DueCalls = { callback, count: 1 };
  due = calls;
  process.nextTick(() => {
    if (due === calls) due = undefined;
    for (; calls.count > 0; calls.count--) callback(null);
  });
}

let holders = 0;
let giveBack = (): void => {};

/** Takes over, for one of several who want it, what jobs print inside the daemon. Returns what gives it back, to be called once. */
export function holdPrints(): () => void {
  if (holders === 0) giveBack = capturePrints();
  holders += 1;
  return () => {
    holders -= 1;
    if (holders === 0) giveBack();
  };
}

function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  // A copy: half a line is kept, and the memory is the writer's to use again.
  if (typeof chunk !== 'string') return Buffer.from(chunk);
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
}

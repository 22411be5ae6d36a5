import type { JobEnd } from '../module/job-end.ts';
import type { FromThread } from './messages.ts';

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isShare: Check = (value) => typeof value === 'number' && value >= 0 && value <= 100;
const isLevel: Check = (value) => ['debug', 'info', 'warn', 'error'].includes(String(value)) && isText(value);
const areTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isDelay: Check = (value) => isText(value) || typeof value === 'number';
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const ENDS: Readonly<Record<JobEnd['kind'], Shape>> = {
  completed: { json: maybe(isText) },
  failed: { message: isText, json: maybe(isText) },
  blocked: { reason: isText, delay: maybe(isDelay) },
  crashed: { message: isText, stack: maybe(isText) },
};

const MESSAGES: Readonly<Record<FromThread['kind'], Shape>> = {
  loaded: {},
  unusable: { reason: isText },
  pong: { count: isNumber },
  output: { id: maybe(isNumber), lines: areTexts, size: isNumber },
  progress: { id: isNumber, percent: isShare, message: maybe(isText), size: isNumber },
  log: { id: maybe(isNumber), level: isLevel, message: isText, fields: maybe(isText), size: isNumber },
  ended: { id: isNumber, end: (end) => fits(end, ENDS) },
  dying: { id: maybe(isNumber), reason: isText, stack: maybe(isText) },
};

/** What a thread has said, when it is that. Throws TypeError: a module may have got hold of anything in its thread. */
export function readFromThread(said: unknown): FromThread {
  if (!fits(said, MESSAGES)) throw new TypeError('not a message of a thread');
  return said as FromThread;
}

function fits(value: unknown, shapes: Readonly<Record<string, Shape>>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const { kind } = fields;
  if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) return false;
  return Object.entries(shapes[kind] ?? {}).every(([name, check]) => check(fields[name]));
}

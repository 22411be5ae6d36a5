import { isContainer, parseExactly } from '../job/exact-json.ts';
import { UsageError } from './usage-error.ts';

/** One `--set PATH=VALUE`. */
export interface Assignment {
  /** As it was written, for messages. */
  readonly path: string;
  /** At least one, none of them empty. */
  readonly keys: readonly string[];
  readonly value: unknown;
}

/**
 * Reads `parameters.cart=7`: what follows the first `=` is JSON if it can be read as JSON, else text. A number that
 * JavaScript would write otherwise is text, too: 1.10 is a version, and 12345678901234567890 an id. Throws UsageError.
 */
export function parseAssignment(written: string): Assignment {
  const at = written.indexOf('=');
  if (at === -1) throw new UsageError(`--set ${written}: write PATH=VALUE, such as --set parameters.cart=7`);
  const path = written.slice(0, at);
  const keys = path.split('.');
  if (keys.includes(''))
    throw new UsageError(`--set ${written}: not a path: names with dots between, such as parameters.cart`);
  return { path, keys, value: jsonOrText(written.slice(at + 1)) };
}

/**
 * Sets one value in a parsed body; objects on the way are made where there are none, and a number is an index where
 * there is a list (its length appends). Own properties only, so that no path reaches a prototype. Throws UsageError.
 */
export function assign(body: object, { path, keys, value }: Assignment): void {
  let at: object = body;
  for (const [index, key] of keys.entries()) {
    if (Array.isArray(at)) checkIndex(at, key, path);
    const isLast = index === keys.length - 1;
    const inside: unknown = Object.hasOwn(at, key) ? Reflect.get(at, key) : {};
    if (!isLast && !isContainer(inside)) {
      const parent = keys.slice(0, index + 1).join('.');
      throw new UsageError(
        `--set ${path}: ${parent} is ${JSON.stringify(inside)}, and nothing can be put into that`,
      );
    }
    define(at, key, isLast ? value : inside);
    if (isContainer(inside)) at = inside;
  }
}

function checkIndex(list: readonly unknown[], key: string, path: string): void {
  if (/^(?:0|[1-9]\d{0,8})$/.test(key) && Number(key) <= list.length) return;
  const most = list.length === 0 ? '0' : `0 to ${list.length}`;
  throw new UsageError(`--set ${path}: ${key} is no place in a list of ${list.length} (write ${most})`);
}

// A plain assignment to `__proto__` would change the object's prototype.
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function jsonOrText(text: string): unknown {
  try {
    const value = parseExactly(text);
    if (JSON.isRawJSON(value)) return text;
    return typeof value === 'number' && JSON.stringify(value) !== text ? text : value;
  } catch {
    return text;
  }
}

import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { shorten } from '../report/shorten.ts';
import { describeThrown } from './job-end.ts';
import type { ModulePath } from './module-path.ts';

/** What is imported in a module's place: nothing but a hook can look up a package as if another file imported it. */
const RUNNER_MODULE = 'rbit-ts:runner:';
const PUBLIC_API = new URL(`../../index${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  .href;

const wanted = new Map<string, ModulePath>();
let isRedirecting = false;

/**
 * Loads the function that `path` names; nobody can tell whether it is an F. Rejects with an Error that says where and why
 * it cannot, in one line or more.
 */
export async function loadFunction<F extends (...given: never[]) => unknown>(path: ModulePath): Promise<F> {
  try {
    return (await untilNothingIsLeftToDo(importFunction(path))) as F;
  } catch (error) {
    const name = path.specifier.startsWith('file:') ? fileURLToPath(path.specifier) : path.specifier;
    throw new Error(shorten(`cannot load ${name}: ${whereAndWhy(error)}`), { cause: error });
  }
}

/** What awaits something that never comes would end the thread, with lines of Node's own. */
async function untilNothingIsLeftToDo<T>(loading: Promise<T>): Promise<T> {
  const nothingLeft = Promise.withResolvers<never>();
  const giveUp = (): void => nothingLeft.reject(new Error('its top-level await never settles'));
  process.once('beforeExit', giveUp);
  try {
    return await Promise.race([loading, nothingLeft.promise]);
  } finally {
    process.off('beforeExit', giveUp);
  }
}

async function importFunction(path: ModulePath): Promise<unknown> {
  redirectImports();
  const place = RUNNER_MODULE + encodeURIComponent(`${path.specifier} ${path.parentUrl}`);
  wanted.set(place, path);
  const module = (await import(place)) as Record<string, unknown>;
  // A CommonJS module's own exports are all under `default`, whatever of them could be found out beforehand.
  const inner = module['default'];
  const found = [module, typeof inner === 'object' ? inner : null]
    .map((exports) => (exports as Record<string, unknown> | null)?.[path.exportName])
    .find((candidate) => typeof candidate === 'function');
  if (found !== undefined) return found;
  const others = Object.keys(module).filter((name) => typeof module[name] === 'function');
  const hint = others.length === 0 ? 'it exports no function' : `it has ${others.join(', ')}`;
  throw new Error(`no function is exported as "${path.exportName}" (${hint})`);
}

/** A runner's file may lie anywhere and need not have rbit-ts installed: it gets this one. */
function redirectImports(): void {
  if (isRedirecting) return;
  isRedirecting = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'rbit-ts') return { url: PUBLIC_API, shortCircuit: true };
      const path = wanted.get(specifier);
      if (path !== undefined) return nextResolve(path.specifier, { ...context, parentURL: path.parentUrl });
      return nextResolve(specifier, context);
    },
  });
}

/** The stack of a syntax error begins with the place that its message lacks. */
function whereAndWhy(error: unknown): string {
  const { message, stack = '' } = describeThrown(error);
  const place = /^(?:file:\/\/)?(\/.*:\d+)\n/.exec(stack)?.[1];
  const reason = message.replace(/^Error: /, '');
  return place === undefined ? reason : `${place}: ${reason}`;
}

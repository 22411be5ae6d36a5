import { parseExactly } from '../../job/exact-json.ts';
import type { Job } from '../../job/job.ts';
import { findEnvironmentProblem } from '../child/environment.ts';
import { DEEPEST_DATA, depthOf } from '../report/data-limits.ts';
import { textAt } from '../../job/json-text.ts';
import type { Placeholder } from './placeholders.ts';

/** A value's text, or the message that the job fails with. */
export type Resolved = { readonly value: string } | { readonly problem: string };

/** What placeholders stand for in one job: texts as they are, all else as JSON, in which each number is as the message has it. */
export class JobValues {
  readonly #job: Job;
  readonly #input: Uint8Array;
  readonly #settings: Readonly<Record<string, string>>;
  #json: string | undefined;

  /** `input` is the body of the job's message. */
  constructor(job: Job, input: Uint8Array, settings: Readonly<Record<string, string>>) {
    this.#job = job;
    this.#input = input;
    this.#settings = settings;
  }

  resolve(wanted: Placeholder): Resolved {
    const found = this.#lookUp(wanted);
    if (found === undefined) return { problem: `${wanted.text} is missing from the job` };
    if (typeof found === 'string') return { value: found };
    const written = wanted.kind === 'path' ? this.#textAt(wanted.path) : undefined;
    if (written === undefined || typeof found !== 'object')
      return { value: written ?? JSON.stringify(found) };
    if (depthOf(written) > DEEPEST_DATA)
      return { problem: `the value of ${wanted.text} is nested deeper than ${DEEPEST_DATA} levels` };
    return { value: rewrite(found, written) };
  }

  #lookUp(wanted: Placeholder): unknown {
    switch (wanted.kind) {
      case 'fact':
        return this.#job[wanted.fact];
      case 'setting':
        return ownProperty(this.#settings, wanted.setting);
      case 'path':
        return wanted.path.reduce<unknown>(ownProperty, this.#job.body);
    }
  }

  #textAt(path: readonly string[]): string | undefined {
    this.#json ??= new TextDecoder().decode(this.#input);
    return textAt(this.#json, path);
  }
}

/** In one way of writing, without the spaces, and of equal keys with the last alone. */
function rewrite(found: object | null, written: string): string {
  const usual = JSON.stringify(found);
  // To read each number takes its time, which is not worth it for what no program can be handed.
  if (usual === written || findEnvironmentProblem('', usual) !== undefined) return usual;
  return JSON.stringify(parseExactly(written));
}

function ownProperty(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return /^(?:0|[1-9]\d*)$/.test(key) ? items[Number(key)] : undefined;
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

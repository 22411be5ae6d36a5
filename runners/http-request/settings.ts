import { readFile } from 'node:fs/promises';
import { Blocked } from 'rbit-ts';

/** The keys of the runner's section. */
export type Settings = Readonly<Record<string, string>>;

/** A number above 0, or `byDefault`. Throws Blocked: a mistake in a section is no reason to lose a message. */
export function readNumber(settings: Settings, name: string, byDefault: number): number {
  const value = Number(settings[name] ?? byDefault);
  if (value > 0 && value <= 2_000_000) return value;
  throw new Blocked(`the setting ${name} must be a number from 1 to 2000000`);
}

/** As in the rest of an INI file. */
export function isYes(value: string | undefined): boolean {
  return /^(?:yes|true|on|1)$/i.test(value ?? '');
}

/** The file that a setting names; undefined without the setting. Throws Blocked. */
export async function readNamedFile(settings: Settings, name: string): Promise<Buffer | undefined> {
  const path = settings[name];
  if (path === undefined) return undefined;
  return readFile(path).catch((error: Error) => {
    throw new Blocked(`the setting ${name}: ${error.message}`);
  });
}

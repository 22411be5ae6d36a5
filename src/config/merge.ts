import type { Entry, IniFile, Section } from './ini.ts';

/** The section whose entries every other section inherits. */
export const DEFAULT = 'DEFAULT';

/**
 * One set of sections out of several files: later files override earlier ones key by key, and every section gets
 * what it does not say itself from `[DEFAULT]`, whichever file either is in.
 */
export function merge(files: readonly IniFile[]): Map<string, Section> {
  const merged = new Map<string, Section>();
  for (const { sections } of files) {
    for (const section of sections.values()) {
      const earlier = merged.get(section.name);
      if (earlier === undefined) merged.set(section.name, { ...section, entries: new Map(section.entries) });
      else
        for (const [key, entry] of section.entries)
          earlier.entries.set(key, earlier.entries.has(key) ? overriding(entry) : entry);
    }
  }
  const inherited = merged.get(DEFAULT)?.entries ?? new Map<string, Entry>();
  merged.delete(DEFAULT);
  for (const section of merged.values()) {
    for (const [key, entry] of inherited) {
      const own = section.entries.get(key);
      section.entries.set(key, own === undefined ? entry : overriding(own));
    }
  }
  return merged;
}

function overriding(entry: Entry): Entry {
  return entry.value === '' ? { ...entry, undoes: true } : entry;
}

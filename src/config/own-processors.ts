import { dirname, resolve } from 'node:path';
import type { ProcessorConfig } from './config.ts';
import type { Section } from './ini.ts';
import { processors } from './processors.ts';
import { placeAt } from './report.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';

/** Reads the `[processor:NAME]` sections, by NAME. One whose name cannot be used is reported, and is not among them. */
export function readOwnProcessors(
  sections: ReadonlyMap<string, Section>,
  reading: Reading,
): Map<string, ProcessorConfig> {
  const { report } = reading;
  const found = new Map<string, ProcessorConfig>();
  for (const [name, section] of sections) {
    const { file, line } = section;
    const place = { file, line, section: section.name };
    const { values, guessed } = readStrictly(section, schema.processor, reading);
    const unusable = whyUnusable(name);
    if (unusable !== undefined) report.problem({ ...place, message: unusable, fix: 'choose another name' });
    if (values.module === undefined && !guessed.has('module') && !section.entries.has('module'))
      report.problem({ ...place, key: 'module', message: 'missing', fix: 'add module = ./FILE.ts' });
    if (unusable !== undefined) continue;
    const at = placeAt(section, 'module');
    found.set(name, {
      name,
      module: values.module ?? '',
      at: { file: at.file, line: at.line },
      directory: dirname(resolve(at.file)),
    });
  }
  return found;
}

function whyUnusable(name: string): string | undefined {
  if (processors.some((known) => known === name)) return `${name}! is there already`;
  return /[!\s]/.test(name) ? 'a name with "!" or white space in it' : undefined;
}

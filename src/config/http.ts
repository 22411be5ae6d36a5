import type { HttpConfig } from './config.ts';
import type { Section } from './ini.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';

/** Reads `[http]`; undefined when there is nothing to listen on. */
export function readHttp(section: Section | undefined, reading: Reading): HttpConfig | undefined {
  const { values, guessed } = readStrictly(section, schema.http, reading);
  if (values.listen !== undefined) return { listen: values.listen };
  if (section !== undefined && !section.entries.has('listen') && !guessed.has('listen')) {
    const { file, line, name } = section;
    const fix = 'add listen = 127.0.0.1:9464, or remove the section';
    reading.report.warning({ file, line, section: name, message: 'has no effect without listen', fix });
  }
  return undefined;
}

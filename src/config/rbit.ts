import { hostname } from 'node:os';
import type { RbitConfig } from './config.ts';
import type { Entry, Section } from './ini.ts';
import { type Mapping, MappingsReader } from './mappings.ts';
import { placeOf } from './report.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';
import { defaultStateDir, readStateDir } from './state-dir.ts';

/** Reads `[rbit]`: the daemon's own keys, and which runner works which queue (queue → runner). */
export function readRbit(
  section: Section | undefined,
  mappingEntries: readonly Entry[],
  runnerNames: readonly string[],
  reading: Reading,
  environment: NodeJS.ProcessEnv,
): { rbit: RbitConfig; mappings: Map<string, string> } {
  const { values, guessed } = readStrictly(section, schema.rbit, reading);
  const inherited = section?.entries.get('queue-mappings');
  const entries = mappingEntries.length === 0 && inherited !== undefined ? [inherited] : mappingEntries;
  if (section !== undefined && entries.length === 0 && !guessed.has('queue-mappings')) {
    const { file, line, name } = section;
    const fix = 'add queue-mappings = QUEUE:RUNNER';
    reading.report.problem({ file, line, section: name, key: 'queue-mappings', message: 'missing', fix });
  }
  const mappings = entries.flatMap((entry) => [...readMappings(entry, runnerNames, reading)]);
  const name = values.name ?? hostname();
  const written = section?.entries.get('state-dir');
  return {
    rbit: {
      name,
      stateDir:
        written === undefined || values['state-dir'] === undefined
          ? defaultStateDir(name, environment)
          : readStateDir(written, values['state-dir'], environment, reading.report),
      stateDirAt: written === undefined ? undefined : { file: written.file, line: written.line },
      shutdownTimeoutMs: values['shutdown-timeout'],
      logLevel: values['log-level'],
      logFormat: values['log-format'],
      replyGapMs: values['reply-gap'],
      replyToAllow: values['reply-to-allow'],
    },
    mappings: new Map(mappings.map(([queue, { runner }]) => [queue, runner])),
  };
}

function readMappings(
  entry: Entry,
  runnerNames: readonly string[],
  { expander, report }: Reading,
): Map<string, Mapping> {
  const expanded = expander.expand(entry);
  if (expanded === undefined) return new Map();
  if (expanded.text.trim() === '')
    report.problem({ ...placeOf(entry), message: 'empty', fix: 'write QUEUE:RUNNER' });
  const reader = new MappingsReader(entry, expanded, report);
  const mappings = reader.read();
  reader.checkRunners(mappings, runnerNames);
  return mappings;
}

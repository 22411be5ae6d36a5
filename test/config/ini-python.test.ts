import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseIni } from '../../src/config/ini.ts';
import { merge } from '../../src/config/merge.ts';

const SCRIPT = join(import.meta.dirname, '../fixtures/config/raw_config_parser.py');
const hasPython = spawnSync('python3', ['-c', 'import configparser']).status === 0;
const FILES = 2000;

type Reading = { error: number } | { sections: [name: string, entries: [key: string, value: string][]][] };

it.skipIf(!hasPython)(
  `${FILES} generated files mean what Python's RawConfigParser says${hasPython ? '' : ' (skipped: there is no python3)'}`,
  () => {
    const texts = fc.sample(file, { numRuns: FILES, seed: 20_261_122 });
    const python = spawnSync('python3', [SCRIPT], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout: 60_000,
    });
    expect(python.stderr).toBe('');
    const theirs: Reading[] = JSON.parse(python.stdout);
    expect(theirs).toHaveLength(FILES);
    for (const [index, text] of texts.entries())
      expect(read(text), JSON.stringify(text)).toEqual(theirs[index]);

    // The comparison would say nothing if the files were empty, or all bad.
    expect(
      theirs.filter((reading) => 'sections' in reading && reading.sections.length > 1).length,
    ).toBeGreaterThan(FILES / 3);
    expect(theirs.filter((reading) => 'error' in reading).length).toBeGreaterThan(FILES / 100);
  },
);

function read(text: string): Reading {
  const ini = parseIni(text, 'x.ini');
  const [problem] = ini.problems;
  if (problem !== undefined) return { error: problem.line ?? 0 };
  const sections = [...merge([ini])].map(([name, { entries }]): [string, [string, string][]] => [
    name,
    [...entries.values()].map(({ key, value }): [string, string] => [key, value]).sort(byText),
  ]);
  return { sections: sections.sort(byText) };
}

// Python sorts by code points, and so does Buffer; JavaScript's own order is that of UTF-16.
function byText(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]));
}

/*
 * Left out, because the two grammars differ there (Python 2's is followed) or because we do on purpose:
 * an indented line before the first option of a section, white space outside ASCII, control characters,
 * a key that begins with "[", the key `env.NAME`, and a byte order mark.
 */
const character = fc.constantFrom(...Array.from('abXY019 \t=:;#![]"\'%$\\{}.-_/*|&<>é日😀'));
const text = fc.string({ unit: character, maxLength: 12 });
const space = fc.constantFrom('', ' ', '\t', '  ');
const word = fc.constantFrom(
  'a',
  'Host',
  'x y',
  'runner',
  'REM',
  'rem',
  'true',
  '__proto__',
  'constructor',
  'é',
  'a.b',
  'c[]',
);

const option = fc
  .tuple(
    fc.oneof(word, text.map(asKey)),
    space,
    fc.constantFrom('=', ':'),
    space,
    fc.oneof(text, fc.constantFrom('""', 'true', '"q"', '[b]')),
  )
  .map((parts) => parts.join(''));
const header = fc
  .tuple(
    fc.oneof(fc.constantFrom('rbit', 'DEFAULT', 'runner:a.b', ' a ', '__proto__', 'a'), text.map(asName)),
    fc.oneof(fc.constant(''), text),
  )
  .map(([name, rest]) => `[${name}]${rest}`);
const skipped = fc.oneof(
  space,
  text.map((rest) => `#${rest}`),
  text.map((rest) => `;${rest}`),
  fc
    .tuple(fc.constantFrom('rem ', 'REM\t', 'rem'), fc.constantFrom('', 'x = 1'))
    .map((parts) => parts.join('')),
);
const indented = fc.tuple(fc.constantFrom(' ', '\t', '    '), text).map((parts) => parts.join(''));
const garbage = text.map((line) => `x${line.replace(/[=:]/g, '')}`);

const line = fc.oneof(
  { weight: 120, arbitrary: option },
  { weight: 80, arbitrary: indented },
  { weight: 60, arbitrary: skipped },
  { weight: 1, arbitrary: garbage },
);
const section = fc
  .tuple(
    header,
    fc.array(skipped, { maxLength: 2 }),
    fc.option(fc.tuple(option.filter(isOption), fc.array(line, { maxLength: 8 }))),
  )
  .map(([first, before, body]) => [first, ...before, ...(body === null ? [] : [body[0], ...body[1]])]);
const file = fc
  .tuple(
    fc.array(fc.oneof({ weight: 20, arbitrary: skipped }, { weight: 1, arbitrary: option }), {
      maxLength: 2,
    }),
    fc.array(section, { maxLength: 5 }),
    fc.constantFrom('\n', '\r\n', '\r'),
    fc.boolean(),
  )
  .map(([before, sections, end, ended]) => [...before, ...sections.flat()].join(end) + (ended ? end : ''));

function asKey(written: string): string {
  const key = written.replace(/[=:]/g, '');
  return /^[^ \t#;[]/.test(key) ? key : `k${key}`;
}

function asName(written: string): string {
  return `n${written.replaceAll(']', '')}`;
}

// `rem = 1` is a comment.
function isOption(written: string): boolean {
  return !/^rem[ \t]/i.test(written);
}

import { globSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Expander } from './expand.ts';
import { type Entry, type IniFile, parseIni } from './ini.ts';
import { linesOf } from './lines.ts';
import { placeOf, type Report } from './report.ts';
import { isFolder, readText } from './text-file.ts';

export interface ReadFile {
  /** Absolute. */
  readonly path: string;
  readonly ini: IniFile;
  /** It was named by an `[include]`, not by the user. */
  readonly isIncluded: boolean;
}

/**
 * Reads files and what their `[include]` sections name, in the order in which they count: a file, then its
 * includes (each pattern sorted), then the next file. Undefined when any of them cannot be read.
 */
export function readFiles(
  paths: readonly string[],
  expander: Expander,
  report: Report,
): ReadFile[] | undefined {
  const read: ReadFile[] = [];
  let complete = true;

  function visit(path: string, above: readonly string[], includedBy?: Entry): void {
    const content = readText(path);
    if ('unreadable' in content) {
      const { unreadable: message, fix, line } = content;
      complete = false;
      if (includedBy === undefined || line !== undefined)
        report.problem({ file: path, message, fix, ...(line === undefined ? {} : { line }) });
      else
        report.problem({
          ...placeOf(includedBy),
          message: `${asWritten(path, includedBy)}: ${message}`,
          fix,
        });
      return;
    }
    const ini = parseIni(content.text, path);
    for (const problem of ini.problems) report.problem(problem);
    read.push({ path: resolve(path), ini, isIncluded: above.length > 0 });

    const files = ini.sections.get('include')?.entries.get('files');
    if (files === undefined) return;
    const inside = [...above, resolve(path)];
    for (const included of namedFiles(files, expander)) {
      if (inside.includes(resolve(included))) {
        const fix = 'put the files to include in a folder of their own, such as conf.d/*.ini';
        report.problem({
          ...placeOf(files),
          message: `${asWritten(included, files)} would include itself`,
          fix,
        });
        complete = false;
      } else visit(included, inside, files);
    }
  }

  for (const path of paths) visit(path, []);
  return complete ? read : undefined;
}

function namedFiles(entry: Entry, expander: Expander): string[] {
  const expanded = expander.expand(entry);
  if (expanded === undefined) return [];
  const folder = dirname(entry.file);
  return linesOf(entry, expanded.text)
    .flatMap(({ text }) => text.split(/\s+/))
    .filter((pattern) => pattern !== '')
    .flatMap((pattern) => (/[*?[\]{}]/.test(pattern) ? matches(folder, pattern) : [below(folder, pattern)]));
}

function matches(folder: string, pattern: string): string[] {
  return globSync(pattern, { cwd: folder })
    .sort()
    .map((found) => below(folder, found))
    .filter((path) => !isFolder(path));
}

// Keeps a relative path relative, as the user wrote it.
function below(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

function asWritten(path: string, entry: Entry): string {
  const folder = dirname(entry.file);
  const inFolder = relative(folder, path);
  return inFolder.startsWith('..') || isAbsolute(inFolder) ? path : inFolder;
}

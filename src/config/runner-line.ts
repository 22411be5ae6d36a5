import { dirname, resolve } from 'node:path';
import type { RunnerConfig } from './config.ts';
import type { Section } from './ini.ts';
import { processors } from './processors.ts';
import { placeAt } from './report.ts';
import { type Reading, warnOfCommentInLine } from './section.ts';
import { didYouMean } from './suggest.ts';

type Line = Pick<RunnerConfig, 'processor' | 'spec' | 'at' | 'directory'>;

/** Reads `PROCESSOR!SPEC`; `own` are the names of the user's own processors. */
export function readRunnerLine(
  section: Section,
  written: string,
  own: ReadonlySet<string>,
  { report }: Reading,
): Line {
  const entry = section.entries.get('runner');
  const place = placeAt(section, 'runner');
  const mark = written.indexOf('!');
  const processor = written.slice(0, Math.max(mark, 0)).trim();
  const spec = written.slice(mark + 1);
  const names = [...processors, ...own];
  const example = 'such as shell!COMMAND or module!./FILE.ts';

  if (entry === undefined)
    report.problem({ ...place, message: 'missing', fix: `add runner = PROCESSOR!SPEC, ${example}` });
  else if (mark === -1)
    report.problem({
      ...place,
      value: written,
      message: 'no "!" in it',
      fix: `write PROCESSOR!SPEC, ${example}`,
    });
  else if (!names.includes(processor)) {
    const known = `known: ${names.join(', ')}`;
    const near = didYouMean(processor, names, '');
    const message = processor === '' ? 'no processor before "!"' : `unknown processor ${processor}`;
    report.problem({ ...place, value: written, message, fix: near === '' ? known : `${near} ${known}` });
  } else if (spec.trim() === '')
    report.problem({
      ...place,
      value: written,
      message: 'nothing after "!"',
      fix: `write PROCESSOR!SPEC, ${example}`,
    });

  if (entry !== undefined) warnOfCommentInLine(entry, report);

  const file = entry?.file ?? section.file;
  return {
    processor,
    spec,
    at: { file, line: entry?.line ?? section.line },
    directory: dirname(resolve(file)),
  };
}

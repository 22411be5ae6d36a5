import type { Entry, Section } from './ini.ts';
import { formatProblem, type Problem } from './problem.ts';

/** Collects what is found while a configuration is read. The same finding twice (a `[DEFAULT]` value, seen from two sections) counts once. */
export class Report {
  private readonly found = { problems: new Map<string, Problem>(), warnings: new Map<string, Problem>() };

  problem(problem: Problem): void {
    this.found.problems.set(formatProblem(problem), problem);
  }

  warning(problem: Problem): void {
    this.found.warnings.set(formatProblem(problem), problem);
  }

  get problems(): Problem[] {
    return [...this.found.problems.values()];
  }

  get warnings(): Problem[] {
    return [...this.found.warnings.values()];
  }
}

/** The part of a Problem that says where: the entry's own line, in the section where it is written. */
export function placeOf(entry: Entry): { file: string; line: number; section: string; key: string } {
  return { file: entry.file, line: entry.line, section: entry.section, key: entry.key };
}

/** The place of a key, or of its section when the key is not there. */
export function placeAt(
  section: Section,
  key: string,
): { file: string; line: number; section: string; key: string } {
  const entry = section.entries.get(key);
  return entry === undefined
    ? { file: section.file, line: section.line, section: section.name, key }
    : placeOf(entry);
}

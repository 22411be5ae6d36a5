import { crashed, type Outcome } from '../../job/outcome.ts';
import type { RunContext } from '../../job/runner.ts';
import type { StdioFolder } from '../child/stdio-folder.ts';
import type { Log } from '../options.ts';
import { ReportFile } from './report-file.ts';
import { shorten } from './shorten.ts';
import { readObject, readStatement, type Statement } from './statement.ts';
import { Statements } from './statements.ts';

/** Of more steps than that in one look, the last are news. */
const MOST_STEPS = 100;

/** What one run reports to its file. */
export interface Report {
  /** For `RBIT_REPORT`. */
  readonly path: string;
  /**
   * How the run ended that, for all else that is known, ended as `otherwise`. To be called once, when nothing more is written.
   * Never rejects.
   */
  end(otherwise: Outcome): Promise<Outcome>;
}

/** Throws the system's error. What is not understood is logged, once for each run. */
export function openReport(
  folder: StdioFolder,
  {
    job,
    context,
    log,
  }: { readonly job: string; readonly context: RunContext; readonly log: Log | undefined },
): Report {
  let steps: Array<NonNullable<Statement['progress']>> = [];
  const statements = new Statements({
    progress: (percent, message) => {
      steps.push({ percent, ...(message === undefined ? {} : { message }) });
    },
  });
  let isWarned = false;
  const warn = (line: string, problem: string): void => {
    if (!isWarned)
      log?.('warn', `part of a report is not understood: ${problem}`, { job, report: shorten(line) });
    isWarned = true;
  };
  const file = new ReportFile(folder, {
    onLine(line) {
      const read = readObject(line);
      if ('problem' in read) return warn(line, read.problem);
      const statement = readStatement(read.object);
      for (const problem of statement.problems) warn(line, problem);
      statements.hear(statement);
    },
    onPause() {
      for (const { percent, message } of steps.slice(-MOST_STEPS)) context.progress(percent, message);
      steps = [];
    },
  });
  return {
    path: file.path,
    async end(otherwise) {
      const problem = await close(file, (left) => {
        log?.('warn', `what lies in the place of a report could not be removed: ${left}`, { job });
      });
      const outcome = statements.outcome(otherwise);
      // What it said last is not known, and it may have been that it failed.
      return problem === undefined || outcome.kind !== 'completed' ? outcome : crashed(problem);
    },
  };
}

/** Returns why it was not read to its end. Never rejects. */
async function close(file: ReportFile, onLeft: (problem: string) => void): Promise<string | undefined> {
  try {
    const { isWhole, left } = await file.close();
    if (left !== undefined) onLeft(left);
    return isWhole ? undefined : 'its report is longer than 64 MiB';
  } catch (error) {
    return `its report could not be read: ${(error as Error).message}`;
  }
}

import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { findConfig, loadConfig } from '../config/load.ts';
import { inOrder } from '../config/problem.ts';
import { reportForeignEnd } from './end-process.ts';
import { EXIT } from './exit-codes.ts';
import { openLog } from '../daemon/log.ts';
import { tryRunners } from '../daemon/runners.ts';

/**
 * Reads the INI files, or the one that is found where none is named. Throws ConfigError with all problems at once:
 * when the files have some, those of the runners whose sections are sound are looked for as well.
 */
export async function readConfig(files: readonly string[]): Promise<Config> {
  return withRunnerProblems(() => loadConfig(pathsOf(files)));
}

/** As `readConfig`, for who works nothing: what a runner needs of a machine may be missing here. */
export async function readConfigAsClient(files: readonly string[]): Promise<Config> {
  return loadConfig(pathsOf(files), process.env, 'client');
}

function pathsOf(files: readonly string[]): readonly string[] {
  return files.length > 0 ? files : [findConfig()];
}

/** Does what may throw a ConfigError; the problems of the runners that are sound are then added to it. */
export async function withRunnerProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigError) || error.sound === undefined) throw error;
    reportForeignEnd(EXIT.badConfig, error.sound.secrets.mask);
    const { log, close } = await openLog({ level: 'silent', format: 'json', mask: error.sound.secrets.mask });
    const problems = [...error.problems, ...(await tryRunners(error.sound, log))];
    await close();
    throw new ConfigError(inOrder(error.sound.files, problems), undefined, error.warnings);
  }
}

import { type Runner, RunnerError } from '../job/runner.ts';
import { createCommandRunner } from './child/command-runner.ts';
import { requireProgram } from './command/program.ts';
import { fillWords } from './command/fill.ts';
import { JobValues } from './command/job-values.ts';
import { readWords } from './command/words.ts';
import type { RunnerOptions } from './options.ts';

/** `exec!FILE ARG…`: each job is one process of FILE, without a shell, the message’s body on stdin. */
export function createExecRunner(options: RunnerOptions): Runner {
  const { spec, settings } = options;
  return createCommandRunner(options, async (surroundings) => {
    const [program, ...words] = readWords(spec);
    if (program === undefined) throw new RunnerError('no program after exec!', 'write it there');
    const file = await requireProgram(program, words, options, surroundings);
    return (job, input) => {
      const filled = fillWords(words, new JobValues(job, input, settings));
      return 'kind' in filled ? filled : { file, args: filled.args, variables: {} };
    };
  });
}

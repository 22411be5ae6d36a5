import { type Runner, RunnerError } from '../job/runner.ts';
import { requireShellSyntax, SHELL } from './child/command-check.ts';
import { createCommandRunner } from './child/command-runner.ts';
import { compileShellCommand } from './command/compile.ts';
import { fillVariables } from './command/fill.ts';
import { JobValues } from './command/job-values.ts';
import { requireSetting } from './command/placeholders.ts';
import type { RunnerOptions } from './options.ts';

/** `shell!COMMAND`: each job is one `/bin/sh -c COMMAND`, its message’s body on stdin. */
export function createShellRunner(options: RunnerOptions): Runner {
  const { spec, settings } = options;
  return createCommandRunner(options, async () => {
    if (spec.trim() === '') throw new RunnerError('no command after shell!', 'write it there');
    const { text, placeholders } = compileShellCommand(spec, (one) => requireSetting(one, options));
    await requireShellSyntax(text);
    return (job, input) => {
      const filled = fillVariables(placeholders, new JobValues(job, input, settings));
      return 'kind' in filled ? filled : { file: SHELL, args: ['-c', text], variables: filled.variables };
    };
  });
}

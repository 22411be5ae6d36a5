import type { Job } from '../../job/job.ts';
import { type Failure, failed } from '../../job/outcome.ts';
import { findEnvironmentProblem } from '../child/environment.ts';
import { type Placeholder, resolvePlaceholder } from './placeholders.ts';
import type { Word } from './words.ts';

type Settings = Readonly<Record<string, string>>;

/** The variables that a compiled shell command refers to, or why the job cannot be carried out. */
export function fillVariables(
  placeholders: readonly Placeholder[],
  job: Job,
  settings: Settings,
): { readonly variables: Readonly<Record<string, string>> } | Failure {
  const variables: Record<string, string> = {};
  for (const [index, placeholder] of placeholders.entries()) {
    const variable = `RBIT_P${index + 1}`;
    const found = valueOf(placeholder, job, settings, variable);
    if (typeof found !== 'string') return found;
    variables[variable] = found;
  }
  return { variables };
}

/** The arguments that words stand for, one each, or why the job cannot be carried out. */
export function fillWords(
  words: readonly Word[],
  job: Job,
  settings: Settings,
): { readonly args: readonly string[] } | Failure {
  const args: string[] = [];
  for (const { parts } of words) {
    let arg = '';
    for (const part of parts) {
      const found = typeof part === 'string' ? part : valueOf(part, job, settings);
      if (typeof found !== 'string') return found;
      arg += found;
    }
    const problem = findEnvironmentProblem('', arg);
    if (problem !== undefined) return failed(`an argument ${problem}`);
    args.push(arg);
  }
  return { args };
}

function valueOf(placeholder: Placeholder, job: Job, settings: Settings, variable = ''): string | Failure {
  const found = resolvePlaceholder(placeholder, job, settings);
  if ('problem' in found) return failed(found.problem);
  const problem = findEnvironmentProblem(variable, found.value);
  return problem === undefined ? found.value : failed(`the value of ${placeholder.text} ${problem}`);
}

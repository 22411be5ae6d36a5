import { type Failure, failed } from '../../job/outcome.ts';
import { findEnvironmentProblem } from '../child/environment.ts';
import type { JobValues } from './job-values.ts';
import type { Placeholder } from './placeholders.ts';
import type { Word } from './words.ts';

/** The variables that a compiled shell command refers to, or why the job cannot be carried out. */
export function fillVariables(
  placeholders: readonly Placeholder[],
  values: JobValues,
): { readonly variables: Readonly<Record<string, string>> } | Failure {
  const variables: Record<string, string> = {};
  for (const [index, placeholder] of placeholders.entries()) {
    const variable = `RBIT_P${index + 1}`;
    const found = valueOf(placeholder, values, variable);
    if (typeof found !== 'string') return found;
    variables[variable] = found;
  }
  return { variables };
}

/** The arguments that words stand for, one each, or why the job cannot be carried out. */
export function fillWords(
  words: readonly Word[],
  values: JobValues,
): { readonly args: readonly string[] } | Failure {
  const args: string[] = [];
  for (const { parts } of words) {
    let arg = '';
    for (const part of parts) {
      const found = typeof part === 'string' ? part : valueOf(part, values);
      if (typeof found !== 'string') return found;
      arg += found;
    }
    const problem = findEnvironmentProblem('', arg);
    if (problem !== undefined) return failed(`an argument ${problem}`);
    args.push(arg);
  }
  return { args };
}

function valueOf(placeholder: Placeholder, values: JobValues, variable = ''): string | Failure {
  const found = values.resolve(placeholder);
  if ('problem' in found) return failed(found.problem);
  const problem = findEnvironmentProblem(variable, found.value);
  return problem === undefined ? found.value : failed(`the value of ${placeholder.text} ${problem}`);
}

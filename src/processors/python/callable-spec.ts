import { RunnerError } from '../../job/runner.ts';

const NAME = /^[\p{ID_Start}_][\p{ID_Continue}]*(?:\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u;

/**
 * Reads `MODULE:CALLABLE`, both dotted names, and hands it back trimmed. Throws RunnerError for what Python could not
 * even be asked for; whether there is such a module only Python knows.
 */
export function readCallableSpec(spec: string): string {
  const trimmed = spec.trim();
  if (trimmed === '') throw new RunnerError('no callable after python!', 'try python!my_module:my_function');
  const [module = '', callable = '', ...more] = trimmed.split(':');
  if (more.length > 0)
    throw new RunnerError(`python!${trimmed} has more than one colon`, 'write MODULE:CALLABLE');
  if (callable === '') throw new RunnerError(`python!${trimmed} names no callable`, tryWithCallable(module));
  if (module === '') throw new RunnerError(`python!${trimmed} names no module`, 'write MODULE:CALLABLE');
  if (/\s/.test(trimmed))
    throw new RunnerError(`python!${trimmed} has spaces in it`, 'a callable takes no arguments here');
  if (module.includes('/') || module.endsWith('.py'))
    throw new RunnerError(
      `python!${trimmed}: ${module} is a path, not a module`,
      `try python!${dotted(module)}:${callable}`,
    );
  if (module.startsWith('.') || module.endsWith('.') || module.includes('..'))
    throw new RunnerError(
      `python!${trimmed}: ${module} is no module's name`,
      "it starts at the INI file's folder",
    );
  if (!NAME.test(callable))
    throw new RunnerError(
      `python!${trimmed}: ${callable} is no name in Python`,
      callable.endsWith(')') ? 'leave out the parentheses' : 'write MODULE:CALLABLE',
    );
  return trimmed;
}

function dotted(path: string): string {
  return path
    .replace(/^(?:\.?\/)+/, '')
    .replace(/\.py$/, '')
    .replace(/\/+/g, '.');
}

/** Without a colon, the last part of a dotted name may be meant. */
function tryWithCallable(module: string): string {
  const path = dotted(module);
  const dot = module.endsWith('.py') || module.includes('/') ? -1 : path.lastIndexOf('.');
  return dot < 1 ? `try python!${path}:main` : `try python!${path.slice(0, dot)}:${path.slice(dot + 1)}`;
}

import { RunnerError } from '../../job/runner.ts';
import type { CompiledCommand } from './command-text.ts';
import { afterOptions, nameOf, plain } from './after-options.ts';
import { codeArguments, type Evaluation, programAt } from './code-arguments.ts';
import { codeVariable, isCodeVariable } from './code-variables.ts';
import { interpreterOf } from './interpreters.ts';
import { type SimpleCommand, simpleCommands } from './simple-commands.ts';
import { isShell, nestedCommands } from './wrappers.ts';

/*
 * A value that arrives whole as one argument is still code to a command that evaluates its arguments. What is known
 * to do so is refused where it is plain to see, in the same simple command; what is hidden (a variable that is
 * evaluated later, a command over ssh, a program that the tables beside this file do not know) is not found here.
 */

type Rule = (args: readonly string[], command: string) => Evaluation;

const RULES: Readonly<Record<string, Rule>> = {
  eval: (args) => ({ words: args, where: 'the argument of eval', fix: 'run the command without eval' }),
  trap: (args) => ({
    words: args.filter((word) => !word.startsWith('-')).slice(0, 1),
    where: 'the command of trap',
    fix: `write v=…; trap 'rm -f "$v"' EXIT`,
  }),
  alias: (args) => ({ words: args, where: 'an alias', fix: 'write f() { echo "$1"; }; f …' }),
  let: (args) => ({ words: args, where: 'the argument of let', fix: 'hand it to a script, or to expr' }),
  '[': testOfVariable,
  test: testOfVariable,
  '.': sourced,
  source: sourced,
  enable: builtin,
  hash: builtin,
  mapfile: builtin,
  readarray: builtin,
  bind: builtin,
  complete: builtin,
  compgen: builtin,
  getopts: ([, name = ''], command) => names([name], command),
  printf: ([option = '', name = '', ...values]) =>
    option === '-v' && isCodeVariable(plain(name))
      ? valueOf(plain(name), values)
      : {
          words: option === '-v' ? [name] : option.startsWith('-v') ? [option] : [],
          where: 'the name after printf -v',
          fix: 'write v=$(printf … )',
        },
  for: chosenInTurn,
  select: chosenInTurn,
  read: (args) => ({ ...names(readTargets(args), 'read'), fix: 'write a name of your own: read -r line' }),
  unset: names,
  export: assigned,
  readonly: assigned,
  local: assigned,
  declare: assigned,
  typeset: assigned,
};

/** A problem for each placeholder whose value the command would evaluate. */
export function findEvaluations({ text, placeholders }: CompiledCommand): RunnerError[] {
  const problems = simpleCommands(text)
    .flatMap(evaluationsOf)
    .flatMap(({ words, where, fix, isOpenToSettings = false }) =>
      words
        .flatMap((word) => [...word.matchAll(/\$\{RBIT_P(\d+)\}/g)])
        .flatMap(([, number]) => placeholders[Number(number) - 1] ?? [])
        .filter(({ kind }) => kind !== 'setting' || !isOpenToSettings)
        .map(({ text: placeholder }) => {
          const safe = fix.replaceAll('…', () => placeholder);
          return new RunnerError(`${placeholder} stands in ${where}, which would run it as code`, safe);
        }),
    );
  // Of a command in a command, more than one rule may say the same.
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}

function evaluationsOf({ words, redirections }: SimpleCommand): Evaluation[] {
  const at = commandAt(words);
  const nested = nestedCommands(words.slice(at));
  const targetsOf = (wanted: RegExp): string[] =>
    redirections.filter(([operator]) => wanted.test(operator)).map(([, target]) => target);
  return [
    ...words.slice(0, at).flatMap(assignmentOf),
    ...(nested.some(isInteractive) ? words.filter((word) => /^ENV\+?=/.test(word)) : []).map((word) =>
      valueOf('ENV', [word]),
    ),
    ...nested.flatMap((command) => [
      ...(readsScript(command) ? targetsOf(/^<(?:>|<<)?$/).map(programAt) : []),
      ...(ASSIGNING.test(plain(command[0] ?? '')) ? command.flatMap(assignmentOf) : []),
      ...byRule(command),
      ...codeArguments(command),
      programAt(command[0] ?? ''),
    ]),
    { words: targetsOf(/^>&$/), where: 'the target of >&', fix: 'write > … 2>&1' },
  ];
}

/** A shell or an interpreter that is named neither script nor code takes that from its standard input. */
function readsScript([command = '', ...args]: readonly string[]): boolean {
  const hasNone = args.every((word) => /^(?:-[A-Za-z]?|--[\w-]+)$/.test(plain(word)));
  if (isShell(command)) return hasNone || args.some((word) => /^-[a-z]*s$/.test(plain(word)));
  return hasNone && interpreterOf(nameOf(command)) !== undefined;
}

/** Then a shell runs the file that ENV names. */
function isInteractive([command = '', ...args]: readonly string[]): boolean {
  const options = args.slice(0, afterOptions(args, /^[-+][A-Za-z]*[oO]$/));
  return isShell(command) && options.some((word) => /^-[A-Za-z]*i/.test(plain(word)));
}

const ASSIGNING = /^(?:env|sudo|doas|export|readonly|local|declare|typeset|systemd-run)$/;

function assignmentOf(word: string): Evaluation[] {
  const name = codeVariable(word);
  return name === undefined ? [] : [valueOf(name, [word])];
}

function valueOf(name: string, words: readonly string[]): Evaluation {
  const fix = `set ${name} to a value of your own`;
  return { words, where: `the value of ${name}`, fix, isOpenToSettings: true };
}

function byRule([word = '', ...args]: readonly string[]): Evaluation[] {
  const command = plain(word);
  const rule = Object.hasOwn(RULES, command) ? RULES[command] : undefined;
  return rule === undefined ? [] : [rule(args, command)];
}

/** Before a command's name: words of the syntax, assignments, and what runs a builtin all the same. */
const PRELUDE = /^(?:[!{]|if|then|elif|else|while|until|do|time|command|builtin|coproc|[A-Za-z_]\w*\+?=.*)$/s;

function commandAt(words: readonly string[]): number {
  const at = words.findIndex((word, index) => {
    if (PRELUDE.test(word)) return false;
    const before = words[index - 1] ?? '';
    return !(/^(?:time|command|builtin|-p)$/.test(before) && /^(?:-p|--)$/.test(plain(word)));
  });
  if (at === -1) return words.length;
  const [word = '', name = ''] = words.slice(at);
  // With options it is no word of the syntax, but a program.
  if (words[at - 1] === 'time' && word.startsWith('-')) return at - 1;
  const open = word === 'for' || word === 'function' ? words.indexOf(word === 'for' ? 'do' : '{') : -1;
  return open === -1 || name === '' ? at : open + 1 + commandAt(words.slice(open + 1));
}

/** The file whose commands the shell would run, with the options before it. */
function sourced(args: readonly string[], command: string): Evaluation {
  return {
    words: args.slice(0, afterOptions(args, /^-p$/) + 1),
    where: `the name of the file after ${command}`,
    fix: 'name the file, and hand the value over as a variable: v=…',
    isOpenToSettings: true,
  };
}

/** What of bash would load its argument, or run it later. */
function builtin(args: readonly string[], command: string): Evaluation {
  return { words: args, where: `an argument of ${command}`, fix: 'hand it to a script' };
}

function testOfVariable(args: readonly string[], command: string): Evaluation {
  const words = args.filter((_, index) => args[index - 1] === '-v');
  const where = `${command} -v`;
  return { words, where, fix: 'test a name of your own, or the value: [ -n … ]' };
}

/** The words from which a loop sets its variable. */
function chosenInTurn([name = '', ...values]: readonly string[]): Evaluation {
  return valueOf(plain(name), isCodeVariable(plain(name)) ? values : []);
}

function names(words: readonly string[], command: string): Evaluation {
  return { words, where: `the name that ${command} is to change`, fix: 'write a name of your own' };
}

/** What stands before the `=`. */
function assigned(args: readonly string[], command: string): Evaluation {
  const targets = args.map((word) => word.replace(/=.*/s, ''));
  return { ...names(targets, command), fix: `write a name of your own: ${command} NAME=…` };
}

function readTargets(args: readonly string[]): string[] {
  return args.filter(
    (word, index) => !word.startsWith('-') && !/^-[A-Za-z]*[pdnNtui]$/.test(args[index - 1] ?? ''),
  );
}

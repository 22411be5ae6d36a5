import { afterOptions, plain } from './after-options.ts';
import { type CodeOptions, codeOptionsOf } from './code-options.ts';

/** Words that are code to a program, and what they are to it. */
export interface CodeValue {
  readonly words: readonly string[];
  readonly where: string;
  readonly fix: string;
}

/** The values of options and the operands that the program of this name runs, or takes commands from. */
export function codeValues(name: string, args: readonly string[]): CodeValue[] {
  const known = codeOptionsOf(name);
  const own = known?.stops === undefined ? beforeDashes(args) : ofItsOwn(name, args, known.stops);
  const found = known === undefined ? [] : valuesOf(name, own, known);
  if (name !== 'git') return found;
  const [command = '', ...rest] = args.slice(afterOptions(args, known?.stops ?? /^$/));
  return [...found, ...codeValues(`git ${plain(command)}`, rest)];
}

function valuesOf(name: string, args: readonly string[], known: CodeOptions): CodeValue[] {
  const { options = '', words = '', keyed: [keyedOptions, keys] = ['', /(?!)/], operands } = known;
  const program = name.split(' ', 1)[0] ?? '';
  const fix = known.fix ?? `write it yourself, and hand the value over as a variable: env V=… ${program}`;
  const value = (option: string, word: string): CodeValue => ({
    words: [word],
    where: `the value of ${name} ${option}`,
    fix,
  });
  return [
    ...optionsIn(args, options.split(' '), matchOption).map(([option, word]) => value(option, word)),
    ...optionsIn(args, words.split(' '), matchWord).map(([option, word]) => value(option, word)),
    ...optionsIn(args, keyedOptions.split(' '), matchOption)
      .filter(([, , text]) => namesCode(text, keys))
      .map(([option, word]) => value(option, word)),
    ...(operands === undefined
      ? []
      : [{ words: operandsIn(args, operands), where: `an argument of ${name}`, fix }]),
  ];
}

type Match = (option: string, word: string) => string | undefined;

/** Each of these options that is there, with the word that holds its value, and the value. */
function optionsIn(
  args: readonly string[],
  options: readonly string[],
  match: Match,
): Array<readonly [option: string, word: string, value: string]> {
  return args.flatMap((word, at) => {
    for (const option of options) {
      const attached = option === '' ? undefined : match(option, plain(word));
      if (attached === undefined) continue;
      const next = args[at + 1] ?? '';
      return [attached === '' ? [option, next, plain(next)] : [option, word, attached]];
    }
    return [];
  });
}

/** What is attached to an option; undefined when it is another one. */
function matchOption(option: string, word: string): string | undefined {
  if (!option.startsWith('--'))
    return new RegExp(`^-[A-Za-z0-9]*?${option.slice(1)}(.*)$`, 's').exec(word)?.[1];
  const [, long = '', value = ''] = /^(--\w[\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
  return long !== '' && option.startsWith(long) ? value : undefined;
}

function matchWord(option: string, word: string): string | undefined {
  return word === option ? '' : word.startsWith(`${option}=`) ? word.slice(option.length + 1) : undefined;
}

/** Whether the key is one of these, or chosen by a value. */
function namesCode(text: string, keys: RegExp): boolean {
  const [key = ''] = /^[^=\s]*/.exec(text) ?? [];
  return keys.test(key) || key.includes('${RBIT_P');
}

function operandsIn(
  args: readonly string[],
  { valued, after = 0, like = /(?:)/ }: NonNullable<CodeOptions['operands']>,
): string[] {
  return args
    .filter((word, at) => !plain(word).startsWith('-') && !valued.test(plain(args[at - 1] ?? '')))
    .slice(after)
    .filter((word) => like.test(plain(word)));
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.findIndex((word) => plain(word) === '--');
  return end === -1 ? args : args.slice(0, end);
}

/** The options before the command among the operands; before that of ssh there is the host, with options on both sides. */
function ofItsOwn(name: string, args: readonly string[], valued: RegExp): readonly string[] {
  const at = afterOptions(args, valued);
  if (name === 'git') return args.slice(0, at);
  const rest = args.slice(at + 1);
  return [...args.slice(0, at), ...rest.slice(0, afterOptions(rest, valued))];
}

import { afterOptions, nameOf, plain } from './after-options.ts';
import { isShell, splitText, wrappedAt } from './wrappers.ts';

/** What of a command would be evaluated, in words: how to do without. */
export interface Evaluation {
  readonly words: readonly string[];
  readonly where: string;
  readonly fix: string;
  /** Whoever writes the INI file may choose it by a setting; a message may not. */
  readonly isOpenToSettings?: true;
}

/** How an interpreter is given code on its command line. */
interface Interpreter {
  /** The options, with what is attached to them as a group; without any, the code is in the next word. */
  readonly code: RegExp;
  /** Other options that take the next word for their value. */
  readonly valued: RegExp;
  /** Code that reads its first argument. */
  readonly example: string;
  /** After the code, options are arguments. */
  readonly endsOptions?: boolean;
}

const NODE: Interpreter = {
  code: /^(?:-p?e|-p|--eval|--print)$|^--(?:eval|print)=(.*)$/s,
  valued: /^-[rC]$|^--(?:require|import|conditions|env-file|loader|experimental-loader)$/,
  example: "-e 'console.log(process.argv[1])' --",
};

const INTERPRETERS: ReadonlyArray<readonly [name: RegExp, Interpreter]> = [
  [
    /^(?:python|pypy)[\d.]*$/,
    {
      code: /^-[bBdEhiIOPqRsSuvVx]*c(.*)$/s,
      valued: /^-[bBdEhiIOPqRsSuvVx]*[WXQ]$|^--check-hash-based-pycs$/,
      example: "-c 'import sys; print(sys.argv[1])'",
      endsOptions: true,
    },
  ],
  [
    /^perl[\d.]*$/,
    { code: /^-[acflnpsStTuUvwWX\d]*[eEMm](.*)$/s, valued: /^-I$/, example: "-e 'print $ARGV[0]' --" },
  ],
  [
    /^ruby[\d.]*$/,
    { code: /^-[aclnpsSvwW\d]*e(.*)$/s, valued: /^-[ICrE]$/, example: "-e 'puts ARGV[0]' --" },
  ],
  [/^php[\d.]*$/, { code: /^-[nqw]*[rBRE](.*)$/s, valued: /^-[cdz]$/, example: "-r 'echo $argv[1];' --" }],
  [/^(?:node|nodejs|bun)$/, NODE],
  [/^lua(?:jit)?[\d.]*$/, { code: /^-e(.*)$/s, valued: /^-l$/, example: 'script.lua' }],
];

/** The arguments that a program itself would run as code, whatever they hold. */
export function codeArguments([command = '', ...args]: readonly string[]): Evaluation[] {
  const name = nameOf(command);
  const interpreter = INTERPRETERS.find(([pattern]) => pattern.test(name))?.[1];
  if (isShell(command)) return ofShell(plain(command), args);
  if (interpreter !== undefined) return ofInterpreter(plain(command), args, interpreter);
  if (/^[gmn]?awk$/.test(name)) return ofAwk(name, args);
  if (/^g?sed$/.test(name)) return ofSed(name, args);
  if (/^(?:su|runuser|script|flock)$/.test(name)) return ofCommandOption(name, args);
  if (name === 'watch' || name === 'parallel') return ofJoined(name, args);
  if (name === 'env') return ofEnv(args);
  return [];
}

/** A word that begins with a value would be a program's name; what is behind a path of one's own is at least a file in there. */
export function programAt(word: string): Evaluation {
  return {
    words: /^["']*\$\{RBIT_P\d+\}/.test(word) ? [word] : [],
    where: 'the place of the program',
    fix: 'name the program, and hand the value over as an argument',
    isOpenToSettings: true,
  };
}

/** The text after the `-c` of a shell, or its script. */
function ofShell(shell: string, args: readonly string[]): Evaluation[] {
  const at = afterOptions(args, /^[-+][A-Za-z]*[oO]$|^--(?:rcfile|init-file)$/, /^[-+]/);
  const word = args[at] ?? '';
  const has = (letter: string): boolean =>
    args.slice(0, at).some((option) => /^-[A-Za-z]+$/.test(plain(option)) && option.includes(letter));
  // With -s the script comes on standard input.
  if (!has('c')) return has('s') ? [] : [programAt(word)];
  const where = `the command of ${shell} -c`;
  return [{ words: [word], where, fix: `write ${shell} -c 'echo "$1"' ${shell} …` }];
}

function ofInterpreter(name: string, args: readonly string[], interpreter: Interpreter): Evaluation[] {
  const { code, valued, example, endsOptions = false } = interpreter;
  const fix = `write ${name} ${example} …`;
  const found: Evaluation[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    const option = plain(word);
    const attached = code.exec(option);
    if (attached !== null) {
      const words = [word, ...((attached[1] ?? '') === '' ? [args[++at] ?? ''] : [])];
      found.push({ words, where: `the code of ${name}`, fix });
      if (endsOptions) return found;
    } else if (option === '--') {
      return found.length > 0 ? found : [programAt(args[at + 1] ?? '')];
    } else if (!option.startsWith('-')) {
      if (found.length === 0) return [programAt(word)];
      // What looks like an option is one, up to the first word that does not.
      return [...found, { ...programAt(word), where: `the options of ${name}`, fix }];
    } else if (valued.test(option)) at++;
  }
  return found;
}

function ofAwk(name: string, args: readonly string[]): Evaluation[] {
  const where = `the program of ${name}`;
  const fix = `write ${name} -v v=… '{ print v }'`;
  const at = afterOptions(args, /^-[FvilefE]$|^--(?:field-separator|assign|include|load|file|exec|source)$/);
  const options = args.slice(0, at);
  const isElsewhere = options.some((word) => /^-[feE]|^--(?:file|exec|source)\b/.test(plain(word)));
  const words = isElsewhere ? valuesOf(options, /^(?:-e|--source(?:=|$))(.*)$/s) : [args[at] ?? ''];
  return [{ words, where, fix }];
}

function ofSed(name: string, args: readonly string[]): Evaluation[] {
  const where = `the script of ${name}`;
  const fix = "let awk do it: awk -v v=… '{ print v }'";
  const scripts = valuesOf(args, /^(?:-[nErsuz]*e|--expression(?:=|$))(.*)$/s);
  const isElsewhere = args.some((word) => /^-[nErsuz]*[ef]|^--(?:expression|file)\b/.test(plain(word)));
  const at = afterOptions(args, /^-[nErsuz]*l$|^--line-length$/);
  return [{ words: isElsewhere ? scripts : [args[at] ?? ''], where, fix }];
}

/** Of `-c COMMAND`, which a shell runs. */
function ofCommandOption(name: string, args: readonly string[]): Evaluation[] {
  const where = `the command of ${name} -c`;
  const fix = `hand it over as a variable: env V=… ${name} -c 'echo "$V"'`;
  const option = /^(?:-[A-Za-z]*c|--(?:session-)?command(?:=|$))(.*)$/s;
  // What flock and runuser run without a shell may have such options of its own.
  const wrapped = wrappedAt(name, args);
  const isOption = option.test(plain(args[wrapped] ?? ''));
  const words = isOption ? args.slice(wrapped, wrapped + 2) : valuesOf(args.slice(0, wrapped), option);
  return [{ words, where, fix }];
}

/** What is put together to one line for a shell. */
function ofJoined(name: string, args: readonly string[]): Evaluation[] {
  const at = afterOptions(
    args,
    /^-[a-z]*[nqjNIPaSdL]$|^--(?:interval|jobs|max-args|arg-file|sshlogin|delay|timeout|retries|joblog|colsep|delimiter|tmpdir|results|workdir)$/,
  );
  const inputs = args.findIndex((word) => plain(word).startsWith(':::'));
  if (name === 'watch' && args.slice(0, at).some((word) => /^-[a-z]*x|^--exec$/.test(plain(word))))
    return [programAt(args[at] ?? '')];
  return [
    {
      words: args.slice(at, inputs === -1 ? args.length : inputs),
      where: `the command of ${name}`,
      fix: `hand it over as a variable: env V=… ${name} 'echo "$V"'`,
    },
  ];
}

function ofEnv(args: readonly string[]): Evaluation[] {
  const fix = 'write env NAME=value program …, without -S';
  return [{ words: splitText(args)?.words ?? [], where: 'the text of env -S', fix }];
}

/** The values of an option: attached to it, which is its group, or in the next word. */
function valuesOf(args: readonly string[], option: RegExp): string[] {
  return args.flatMap((word, at) => {
    const found = option.exec(plain(word));
    if (found === null) return [];
    return (found[1] ?? '') === '' ? [args[at + 1] ?? ''] : [word];
  });
}

import { afterOptions, nameOf, plain } from './after-options.ts';
import { codeValues } from './code-values.ts';
import { type Interpreter, interpreterOf } from './interpreters.ts';
import { isShell, splitText, wrappedAt } from './wrappers.ts';

/** What of a command would be evaluated, in words: how to do without. */
export interface Evaluation {
  readonly words: readonly string[];
  readonly where: string;
  readonly fix: string;
  /** Whoever writes the INI file may choose it by a setting; a message may not. */
  readonly isOpenToSettings?: true;
}

/** The arguments that a program itself would run as code, whatever they hold. */
export function codeArguments([command = '', ...args]: readonly string[]): Evaluation[] {
  const name = nameOf(command);
  const interpreter = interpreterOf(name);
  if (isShell(command)) return ofShell(plain(command), args);
  if (interpreter !== undefined) return ofInterpreter(plain(command), args, interpreter);
  if (/^(?:[gmn]|original-|bw|go)?awk$/.test(name)) return ofAwk(name, args);
  if (/^g?sed$/.test(name)) return ofSed(name, args);
  if (/^[gb]?make$/.test(name)) return ofMake(name, args);
  if (/^(?:su|runuser|script|flock)$/.test(name)) return ofCommandOption(name, args);
  if (/^(?:watch|parallel|tmux|sg)$/.test(name)) return ofJoined(name, args);
  if (name === 'env') return ofEnv(args);
  return codeValues(name, args).map((value) => ({ ...value, isOpenToSettings: true }));
}

/** A word that names what is run. Also behind a folder of one's own a value may be `../../bin/sh`. */
export function programAt(word: string): Evaluation {
  return {
    words: [word],
    where: 'the place of the program',
    fix: 'name the program, and hand the value over as an argument',
    isOpenToSettings: true,
  };
}

/** Words that name files or modules which a program loads as code. */
function loadedBy(name: string, words: readonly string[]): Evaluation {
  return {
    words,
    where: `the name of what ${name} loads`,
    fix: 'name it, and hand the value over as an argument',
    isOpenToSettings: true,
  };
}

/** Option words in which a value chooses the option itself. */
function choosableOptions(name: string, words: readonly string[]): Evaluation {
  return {
    words: words.filter((word) => /^-[^=]*\$\{RBIT_P\d+\}/.test(plain(word))),
    where: `the options of ${name}`,
    fix: 'name the option, and hand the value over as an argument',
    isOpenToSettings: true,
  };
}

/** The text after the `-c` of a shell, or its script. */
function ofShell(shell: string, args: readonly string[]): Evaluation[] {
  const at = afterOptions(args, /^[-+][A-Za-z]*[oO]$|^--(?:rcfile|init-file)$/, /^[-+]/);
  const word = args[at] ?? '';
  const options = args.slice(0, at);
  const has = (letter: string): boolean =>
    options.some((option) => /^-[A-Za-z]+$/.test(plain(option)) && option.includes(letter));
  const found = [
    loadedBy(shell, valuesOf(options, /^--(?:rcfile|init-file)(?:=|$)(.*)$/s)),
    choosableOptions(shell, options),
  ];
  // With -s the script comes on standard input.
  if (!has('c')) return has('s') ? found : [...found, programAt(word)];
  const where = `the command of ${shell} -c`;
  return [...found, { words: [word], where, fix: `write ${shell} -c 'echo "$1"' ${shell} …` }];
}

function ofInterpreter(name: string, args: readonly string[], interpreter: Interpreter): Evaluation[] {
  const { code, loads, valued, example, endsOptions = false } = interpreter;
  const fix = `write ${name} ${example} …`;
  const found: Evaluation[] = [];
  let hasCode = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    const option = plain(word);
    const attached = code.exec(option);
    const loaded = loads.exec(option);
    const value = (match: RegExpExecArray): string[] =>
      match.slice(1).some((group) => (group ?? '') !== '') ? [word] : [word, args[++at] ?? ''];
    if (attached !== null) {
      hasCode = true;
      found.push({ words: value(attached), where: `the code of ${name}`, fix });
      if (endsOptions) return found;
    } else if (loaded !== null) {
      found.push(loadedBy(name, value(loaded)));
      // What follows `-m module` or `-jar file` is its arguments.
      if (endsOptions && /^-(?:[^-]*m|jar)/.test(option)) return found;
    } else if (option === '--') {
      return hasCode ? found : [...found, programAt(args[at + 1] ?? '')];
    } else if (!option.startsWith('-')) {
      if (!hasCode) return [...found, programAt(word)];
      // What looks like an option is one, up to the first word that does not.
      const words = option.startsWith('${RBIT_P') ? [word] : [];
      return [...found, { words, where: `the options of ${name}`, fix, isOpenToSettings: true }];
    } else {
      found.push(choosableOptions(name, [word]));
      if (valued.test(option)) at++;
    }
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
  const loaded = valuesOf(options, /^(?:-[fEil]|--(?:file|exec|include|load)(?:=|$))(.*)$/s);
  return [{ words, where, fix }, loadedBy(name, loaded), choosableOptions(name, without(options, /^-[Fv]/))];
}

function ofSed(name: string, args: readonly string[]): Evaluation[] {
  const where = `the script of ${name}`;
  const fix = "let awk do it: awk -v v=… '{ print v }'";
  const scripts = valuesOf(args, /^(?:-[nErsuz]*e|--expression(?:=|$))(.*)$/s);
  const isElsewhere = args.some((word) => /^-[nErsuz]*[ef]|^--(?:expression|file)\b/.test(plain(word)));
  const at = afterOptions(args, /^-[nErsuz]*l$|^--line-length$/);
  const files = valuesOf(args, /^(?:-[nErsuz]*f|--file(?:=|$))(.*)$/s);
  return [
    { words: isElsewhere ? scripts : [args[at] ?? ''], where, fix },
    loadedBy(name, files),
    choosableOptions(name, without(args.slice(0, at), /^-[nErsuz]*[il]/)),
  ];
}

/** What a makefile is given is expanded, `$(shell …)` in it too, and each argument may be such a thing. */
function ofMake(name: string, args: readonly string[]): Evaluation[] {
  const fix = `write env V=… ${name} TARGET, and "$$V" in its recipe`;
  return [{ words: args, where: `an argument of ${name}`, fix, isOpenToSettings: true }];
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
  const shells = valuesOf(args.slice(0, wrapped), /^(?:-[A-Za-z]*s|--shell(?:=|$))(.*)$/s);
  // Without a command the shell of su runs the file that comes after the user.
  const operands = args.filter((word) => !plain(word).startsWith('-'));
  const script = /^(?:su|runuser)$/.test(name) && wrapped === args.length && words.length === 0;
  return [
    { words, where, fix },
    ...(name === 'su' || name === 'runuser' ? shells : []).map(programAt),
    ...(script ? operands.slice(1) : []).map(programAt),
  ];
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

function without(options: readonly string[], open: RegExp): string[] {
  return options.filter((word) => !open.test(plain(word)));
}

/** The values of an option: attached to it, which is its group, or in the next word. */
function valuesOf(args: readonly string[], option: RegExp): string[] {
  return args.flatMap((word, at) => {
    const found = option.exec(plain(word));
    if (found === null) return [];
    return (found[1] ?? '') === '' ? [args[at + 1] ?? ''] : [word];
  });
}

/*
 * A shell that waits for its program is one process more, and keeps open what the program closes. What it would have to
 * be there for is left to it: anything but a program's name and words for it.
 */

const VARIABLE = String.raw`\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})`;
const IN_DOUBLE_QUOTES = String.raw`(?:[^"\\$${'`'}]|\\[^]|${VARIABLE})*`;
const WORD = String.raw`(?:[\w./:=,+@%~*?-]|\\[^\n]|${VARIABLE}|'[^']*'|"${IN_DOUBLE_QUOTES}")+`;
const PROGRAM_AND_WORDS = new RegExp(String.raw`^[ \t]*([\w./][\w./+-]*)(?:[ \t]+${WORD})*[ \t]*$`);

/** What a shell does itself, in any shell that may be /bin/sh. */
const OWN_WORDS = new Set(
  `. : alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare dirs disown
  do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs
  kill let local logout mapfile popd print printf pushd pwd read readarray readonly return select set shift shopt source
  suspend test then time times trap true type typeset ulimit umask unalias unset until wait whence while`.split(
    /\s+/,
  ),
);

/** A shell command whose program takes the shell's place, where it is that of one program. */
export function inPlaceOfShell(command: string): string {
  const [, program] = PROGRAM_AND_WORDS.exec(command) ?? [];
  return program === undefined || OWN_WORDS.has(program) ? command : `exec ${command}`;
}

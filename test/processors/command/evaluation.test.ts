import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunnerError } from '../../../src/job/runner.ts';
import { compileShellCommand } from '../../../src/processors/command/compile.ts';

function refusalOf(command: string): RunnerError | undefined {
  try {
    compileShellCommand(command);
    return undefined;
  } catch (error) {
    if (error instanceof RunnerError) return error;
    throw error;
  }
}

describe('a value that a command would run as code is refused', () => {
  test.each([
    ['eval echo %{v}', 'the argument of eval'],
    ['eval "echo %{v}"', 'the argument of eval'],
    ["true && eval 'echo '%{v}", 'the argument of eval'],
    ['if true; then eval %{v}; fi', 'the argument of eval'],
    ['x=1 command eval %{v} >/dev/null', 'the argument of eval'],
    ['echo "$(eval %{v})"', 'the argument of eval'],
    ['cat <<E\n$x\nE\neval %{v}', 'the argument of eval'],
    ["trap 'rm -f %{v}' EXIT", 'the command of trap'],
    ['trap -- "rm -f %{v}" EXIT', 'the command of trap'],
    ["alias x='echo %{v}'", 'an alias'],
    ['let x=%{v}', 'the argument of let'],
    ['[ -v %{v} ]', '[ -v'],
    ['test ! -v %{v}', 'test -v'],
    ['printf -v %{v} %%s x', 'the name after printf -v'],
    ['printf -v%{v} %%s x', 'the name after printf -v'],
    ['echo x >&%{v}', 'the target of >&'],
    ['echo x 2>& "%{v}"', 'the target of >&'],
    ['read -r %{v}', 'the name that read is to change'],
    ['while read -r a %{v}; do :; done', 'the name that read is to change'],
    ['unset -v %{v}', 'the name that unset is to change'],
    ['export %{v}', 'the name that export is to change'],
    ['export "%{v}=1"', 'the name that export is to change'],
    ['readonly %{v}=1', 'the name that readonly is to change'],
    ["sh -c 'echo %{v}'", 'the command of sh -c'],
    ['sh -c "echo %{v}"', 'the command of sh -c'],
    ['sh -c "cd x; echo $(date) %{v}" sh', 'the command of sh -c'],
    ['sh -c %{v}', 'the command of sh -c'],
    ["/bin/bash -euo pipefail -c 'echo %{v}'", 'the command of /bin/bash -c'],
    ["bash --norc -lc 'echo %{v}'", 'the command of bash -c'],
    ["dash -e -c -- 'echo %{v}'", 'the command of dash -c'],
    ["timeout 10 zsh -c 'echo %{v}'", 'the command of zsh -c'],
    ["env A=1 ksh -c 'echo %{v}'", 'the command of ksh -c'],
    ["find . -exec sh -c 'echo %{v}' \\;", 'the command of sh -c'],
    ["exec sh -c 'echo %{v}'", 'the command of sh -c'],
    ["ls | xargs -n 1 sh -c 'echo %{v}'", 'the command of sh -c'],
  ])('%j: %s', (command, where) => {
    expect(refusalOf(command)?.message).toBe(`%{v} stands in ${where}, which would run it as code`);
  });

  test.each([
    ["sh -c 'echo %{v}'", `write sh -c 'echo "$1"' sh %{v}`],
    ["trap 'rm -f %{v}' EXIT", `write v=%{v}; trap 'rm -f "$v"' EXIT`],
    ["alias x='echo %{v}'", 'write f() { echo "$1"; }; f %{v}'],
    ['export %{v}', 'write a name of your own: export NAME=%{v}'],
  ])('%j, with a fix: %s', (command, fix) => {
    expect(refusalOf(command)?.fix).toBe(fix);
  });
});

test.each([
  `sh -c 'echo "$1"' sh %{v}`,
  `bash -lc 'echo "$1"' bash %{v}`,
  'find . -name %{v} -exec sh -c \'echo "$1"\' sh {} \\;',
  'sh ./script.sh -c %{v}',
  'bash script.sh %{v}',
  'sh -e ./x -c %{v}',
  "echo sh -c '%{v}'",
  "grep -c %{v} sh; sh -c 'true'",
  'echo eval %{v}',
  './eval %{v}',
  'evaluate %{v}; retrieval %{v}',
  'git commit -m "eval %{v}"',
  'eval "$(./environment.sh)"; echo %{v}',
  'eval "$(./environment.sh %{v})"',
  'eval x && echo %{v}',
  '# eval %{v}\necho %{v}',
  'cat <<E\neval %{v}\nread %{v}\nE',
  'cat <<-E | wc -l\n\teval %{v}\n\tE\necho %{v}',
  'trap \'rm -f "$v"\' EXIT; v=%{v}',
  "trap '' TERM; echo %{v}",
  '[ -n %{v} ]',
  '[ %{v} = -v ]',
  'test -f %{v}',
  'grep -v %{v} x',
  "printf '%%s' -v %{v}",
  'printf %{v}',
  'echo %{v} >&2',
  'echo x 2>&1 >%{v}',
  'echo x >%{v} 2>&1',
  'read -p %{v} answer',
  'read -rp "%{v}: " answer',
  'export A=%{v}',
  'export "A=%{v}" B="%{v}"',
  'local a=%{v}; readonly b=%{v}',
  'unset a; echo %{v}',
  'for eval in %{v}; do echo "$eval"; done',
  'case %{v} in eval) echo %{v};; esac',
  'f() { echo "$1"; }; f %{v}',
  'ssh host true %{v}',
  'python3 -c "import sys" %{v}',
])('%j is left alone', (command) => {
  expect(refusalOf(command)).toBeUndefined();
});

test('whatever a command is, it is compiled or refused', () => {
  const pieces =
    '\' " ` \\ $( ${ ) } ( ; & | < > >& &> << <<E \n E # eval trap sh -c [ -v ] read export %{v} %ID a=b 2> case'.split(
      ' ',
    );
  const command = fc.array(fc.constantFrom(...pieces, ' ', ' ', '\n', '\nE\n'), { maxLength: 30 });
  fc.assert(
    fc.property(command, (parts) => {
      // Throws anything but a RunnerError on.
      refusalOf(parts.join(''));
    }),
    { numRuns: 3000 },
  );
});

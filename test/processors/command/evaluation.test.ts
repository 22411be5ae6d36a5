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
    ['%{v} --all', 'the place of the program'],
    [`true && x=1 "%{v}"`, 'the place of the program'],
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
    ["/usr/local/bin/bash -c 'echo %{v}'", 'the command of /usr/local/bin/bash -c'],
    ["bash +x -O extglob -c 'echo %{v}'", 'the command of bash -c'],
    [`"sh" '-c' "echo %{v}"`, 'the command of sh -c'],
    ["sudo --unknown value sh -c 'echo %{v}'", 'the command of sh -c'],
    ["busybox ash -c 'echo %{v}'", 'the command of ash -c'],
    ['sh %{v} x', 'the place of the program'],
    ['env %{v}', 'the place of the program'],
    ['env -i -u X A=1 "%{v}"', 'the place of the program'],
    ['env %{v}=1 true', 'the place of the program'],
    ['timeout -k 5 10 %{v}', 'the place of the program'],
    ['nice %{v}', 'the place of the program'],
    ['nice -n 5 nohup setsid stdbuf -o L %{v}', 'the place of the program'],
    ['echo a | xargs -r -n 1 %{v}', 'the place of the program'],
    ['sudo -u nobody A=1 %{v}', 'the place of the program'],
    ['find . -exec %{v} {} \\;', 'the place of the program'],
    ['exec %{v}', 'the place of the program'],
    ['flock lock %{v}', 'the place of the program'],
    ['python3 %{v}', 'the place of the program'],
    ['python3 -m %{v}', 'the place of the program'],
    ['flock lock -c "echo %{v}"', 'the command of flock -c'],
    ['flock -w 5 lock -c "echo %{v}"', 'the command of flock -c'],
    ['su nobody -s /bin/sh -c "echo %{v}"', 'the command of su -c'],
    ['su --command="echo %{v}" nobody', 'the command of su -c'],
    ['runuser nobody -c "echo %{v}"', 'the command of runuser -c'],
    ['script -qec "echo %{v}" log', 'the command of script -c'],
    ['watch -n 1 ls %{v}', 'the command of watch'],
    ['parallel -j 2 echo %{v} ::: a', 'the command of parallel'],
    ['env -S "echo %{v}"', 'the text of env -S'],
    ['env -i --split-string="echo %{v}"', 'the text of env -S'],
    ['env -S "sh -c" "echo %{v}"', 'the command of sh -c'],
    [`python3 -c "print('%{v}')"`, 'the code of python3'],
    ["/usr/bin/python3.12 -W error -Ic 'x = %{v}' a", 'the code of /usr/bin/python3.12'],
    ['timeout 5 pypy3 -cprint\\(%{v}\\)', 'the code of pypy3'],
    [`perl -lane 'print "%{v}"'`, 'the code of perl'],
    [`perl -w -e1 -e 'print "%{v}"'`, 'the code of perl'],
    ['perl -MFoo=%{v} x.pl', 'the code of perl'],
    ["perl -e 'print @ARGV' %{v}", 'the options of perl'],
    [`ruby -rjson -e 'puts "%{v}"'`, 'the code of ruby'],
    [`node --eval "f('%{v}')"`, 'the code of node'],
    [`node --input-type=module --print="f('%{v}')"`, 'the code of node'],
    [`php -r 'echo "%{v}";'`, 'the code of php'],
    [`awk '/%{v}/ { print }' x`, 'the program of awk'],
    [`gawk -F : -v a=1 -e 'BEGIN { print "%{v}" }'`, 'the program of gawk'],
    [`mawk -- "/%{v}/"`, 'the program of mawk'],
    ['sed "s/a/%{v}/" x', 'the script of sed'],
    ['sed -n -e 1p -e "/%{v}/p" x', 'the script of sed'],
    ['sed -i.bak -E %{v} x', 'the script of sed'],
  ])('%j: %s', (command, where) => {
    expect(refusalOf(command)?.message).toBe(`%{v} stands in ${where}, which would run it as code`);
  });

  test.each([
    ["sh -c 'echo %{v}'", `write sh -c 'echo "$1"' sh %{v}`],
    ["trap 'rm -f %{v}' EXIT", `write v=%{v}; trap 'rm -f "$v"' EXIT`],
    ["alias x='echo %{v}'", 'write f() { echo "$1"; }; f %{v}'],
    ['export %{v}', 'write a name of your own: export NAME=%{v}'],
    ['su -c "echo %{v}"', `hand it over as a variable: env V=%{v} su -c 'echo "$V"'`],
    [`python3 -c 'f("%{v}")'`, "write python3 -c 'import sys; print(sys.argv[1])' %{v}"],
    ["perl -e 'f()' %{v}", "write perl -e 'print $ARGV[0]' -- %{v}"],
    ['awk "/%{v}/"', "write awk -v v=%{v} '{ print v }'"],
  ])('%j, with a fix: %s', (command, fix) => {
    expect(refusalOf(command)?.fix).toBe(fix);
  });
});

test.each([
  '%{settings.program} %{v}',
  './jobs/%{v}',
  'case %{v} in x) true ;; esac',
  'for one in %{v}; do true; done',
  '< %{v} wc -l',
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
  'python3 -u script.py -c %{v}',
  'python3 -m json.tool %{v}',
  'python3 %{settings.script} %{v}',
  "perl -e 'print @ARGV' -- %{v}",
  "perl -e 'print @ARGV' a %{v}",
  'perl -Mstrict %{settings.script} %{v}',
  'perl -I lib -w script.pl -e %{v}',
  'node script.js -e %{v}',
  "node -e 'f()' -- %{v}",
  'php script.php -r %{v}',
  "awk -v v=%{v} '{ print v }' %{v}",
  'awk -F%{v} -f script.awk %{v}',
  "awk '{ print }' -e %{v}",
  "sed -n 's/a/b/p' %{v}",
  'sed -f script.sed %{v}',
  'find . -name %{v}',
  'find . -exec sed -n 1p {} \\; -name %{v}',
  'xargs -I{} echo %{v}',
  'timeout %{settings.limit} command %{v}',
  'timeout 5 ./command %{v}',
  'timeout %{v} ./command',
  'env A=%{v} command',
  'env -u B A="%{v}" command %{v}',
  'env sort -S %{v}',
  'env %{settings.program} %{v}',
  'nice -n %{v} command',
  'sudo -u %{v} command',
  'flock %{v} grep -c %{v} file',
  'runuser -u nobody -- grep -c %{v} file',
  `su nobody -c 'echo "$1"' -- sh %{v}`,
  'runuser %{v} -c true',
  'watch -x ls %{v}',
  'parallel echo {} ::: %{v}',
  'sh -s %{v} <script',
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

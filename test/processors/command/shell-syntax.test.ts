import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunnerError } from '../../../src/job/runner.ts';
import { findEnvironmentProblem } from '../../../src/processors/child/environment.ts';
import { compileShellCommand } from '../../../src/processors/command/compile.ts';
import { FIXTURES, makeContext, makeJob, makeRunner } from '../harness.ts';

const PRINT = `${FIXTURES}/programs/print-arguments`;

function refusalOf(command: string): RunnerError | undefined {
  try {
    compileShellCommand(command);
    return undefined;
  } catch (error) {
    if (error instanceof RunnerError) return error;
    throw error;
  }
}

test.each([
  ['echo %{v}', 'echo "${RBIT_P1}"'],
  ['echo a%{v}b', 'echo a"${RBIT_P1}"b'],
  ['echo "a %{v}"', 'echo "a ${RBIT_P1}"'],
  ["echo 'a %{v} b'", `echo 'a '"\${RBIT_P1}"' b'`],
  [`echo "it's %{v}"`, `echo "it's \${RBIT_P1}"`],
  [`echo "\\"%{v}"`, `echo "\\"\${RBIT_P1}"`],
  [`echo \\"%{v}`, `echo \\""\${RBIT_P1}"`],
  [`echo "$(echo '%{v}' "%{v}" %{v})"`, `echo "$(echo ''"\${RBIT_P1}"'' "\${RBIT_P1}" "\${RBIT_P1}")"`],
  ['echo %ID %{v} %ID', 'echo "${RBIT_P1}" "${RBIT_P2}" "${RBIT_P1}"'],
  ['echo $((1 %% 2)) 100%% %Y', 'echo $((1 % 2)) 100% %Y'],
  ['f=a.b; echo ${f%%.*}%{v}', 'f=a.b; echo ${f%%.*}"${RBIT_P1}"'],
  ["bash -c 'echo ${f%%.*}'", "bash -c 'echo ${f%%.*}'"],
  ['echo `echo ${f%%.*} %%d`', 'echo `echo ${f%%.*} %d`'],
  ['echo ${x:-%{v}} "${x:-%{v}}"', 'echo ${x:-"${RBIT_P1}"} "${x:-${RBIT_P1}}"'],
  ['echo "${x#%{v}}" ${x%%%{v}}', 'echo "${x#"${RBIT_P1}"}" ${x%%"${RBIT_P1}"}'],
  ["# isn't %{v}\necho %{v}", `# isn't %{v}\necho "\${RBIT_P1}"`],
  ['echo a#%{v} $#', 'echo a#"${RBIT_P1}" $#'],
  ['echo \\%{v} "\\%{v}"', 'echo \\%{v} "\\\\${RBIT_P1}"'],
  ["echo '\\%{v}'", `echo '\\'"\${RBIT_P1}"''`],
  ['cat <<E\n%{v} "\nE\necho %{v}', 'cat <<E\n${RBIT_P1} "\nE\necho "${RBIT_P1}"'],
  ['cat <<A <<-B\na\'\nA\n\tb"\n\tB\necho %{v}', 'cat <<A <<-B\na\'\nA\n\tb"\n\tB\necho "${RBIT_P1}"'],
  ["cat <<'E'\nit's %%\nE\necho %{v}", `cat <<'E'\nit's %\nE\necho "\${RBIT_P1}"`],
  ['echo $(( $(( 1 << 2 )) )) %{v}', 'echo $(( $(( 1 << 2 )) )) "${RBIT_P1}"'],
  ['case %{v} in a) echo it;; esac; echo %{v}', 'case "${RBIT_P1}" in a) echo it;; esac; echo "${RBIT_P1}"'],
  ['echo a \\\n  %{v}', 'echo a \\\n  "${RBIT_P1}"'],
  ['f() { echo "$1"; }; f %{v}', 'f() { echo "$1"; }; f "${RBIT_P1}"'],
])('%j becomes %j', (command, text) => {
  expect(compileShellCommand(command).text).toBe(text);
});

test.each([
  ['echo `echo %{v}`', 'write $(…) instead'],
  ['echo "`echo %{v}`"', 'write $(…) instead'],
  ['echo $((%{v} + 1))', 'evaluate'],
  ['echo "$((%{v}))"', 'evaluate'],
  ['echo $(( $(echo %{v}) ))', 'evaluate'],
  ['((x = %{v}))', 'evaluate'],
  ['[[ %{v} -eq 1 ]]', 'evaluate'],
  ["cat <<'E'\n%{v}\nE", 'quoted delimiter'],
  ['cat <<\\E\n%{v}\nE', 'quoted delimiter'],
  ['echo $(case a in a) echo %{v};; esac)', 'case'],
  ["echo $'a%{v}'", 'not every shell'],
  ["echo $'it\\'s' %{v}", 'cannot be followed safely'],
  ['echo ${x:=%{v}}', 'outside quotes'],
  ['echo ${x/a/%{v}}', 'not every shell'],
  ['echo ${x:%{v}}', 'not every shell'],
  ['echo ${x[%{v}]}', 'not every shell'],
  ['echo $[%{v}]', 'cannot be followed safely'],
  [`echo "\${x:-'%{v}'}"`, 'cannot be followed safely'],
  ['cat <<E "\n" \nE\n%{v}', 'cannot be followed safely'],
  ['echo $(cat <<E)\nE\necho %{v}', 'cannot be followed safely'],
  ['cat <<E\na\\\nE\n%{v}', 'cannot be followed safely'],
  ['echo "$\\\n(echo %{v})"', 'cannot be followed safely'],
  ['echo "%{v}', 'not closed'],
  ["echo '%{v}", 'not closed'],
  ['echo $(echo %{v}', 'not closed'],
])('%j is refused: %s', (command, words) => {
  const refusal = refusalOf(command);
  expect(`${refusal?.message} (${refusal?.fix})`).toContain(words);
});

test('all placeholders that cannot stand where they do are told at once, each with its fix', () => {
  expect(refusalOf('echo %{ $((%{n})) `echo %{n}`; eval %{c}')?.message).toBe(
    '%{ $((%{n} is not a placeholder (try %{parameters.name}, or %%{ for the characters themselves); ' +
      '%{n} stands in $((…)), where the shell would evaluate it (hand it to a script); ' +
      '%{n} stands in backticks, which cannot be followed safely (write $(…) instead); ' +
      '%{c} stands in the argument of eval, which would run it as code (run the command without eval)',
  );
});

/** Each context, with what a shell must make of a value there: `before` + value + `after`. */
const CONTEXTS: ReadonlyArray<readonly [command: string, before: string, after: string]> = [
  ['%{v}', '', ''],
  ['a%{v}b', 'a', 'b'],
  ['"%{v}"', '', ''],
  [`"a'%{v}'b"`, "a'", "'b"],
  ["'%{v}'", '', ''],
  [`'a"%{v}"b'`, 'a"', '"b'],
  ['"$(printf %%s. %{v})"', '', '.'],
  ['"$(printf %%s. "%{v}")"', '', '.'],
  [`"$(printf %%s. '%{v}')"`, '', '.'],
  ['"$(printf %%s. "$(printf %%s. %{v})")"', '', '..'],
  ['"$(cat <<E\n%{v}.\nE\n)"', '', '.'],
  ['"$(cat <<-E\n\t%{v}.\n\tE\n)"', '', '.'],
  ['"${x:-%{v}}"', '', ''],
  ['${x:-%{v}}', '', ''],
  [`\${x:-'%{v}'}`, '', ''],
  ['"${x:-$(printf %%s. %{v})}"', '', '.'],
  ['"${y#%{v}}"', 'y', ''],
];

const PIECES =
  `' " \` \\ $ $( ) \${ } (( )) ; & | < > * ? [a-z] ~ # ! % %ID %{v} - -- -rf E ü 😀 $IFS $0 \${RBIT_P1}`
    .split(' ')
    .concat('\n', ' ', '\t', '\nE\n', '\tE', '\r', '\x07', '\u2028', '\0', '\ud800')
    .concat(
      '$(touch PWNED)',
      '`touch PWNED`',
      ';touch PWNED;',
      '\ntouch PWNED\n',
      '"; touch PWNED; "',
      "'; touch PWNED; '",
    );

const hostileValue = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 5,
    arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '-n', '~root', `${'y'.repeat(100_000)}'"\``, 'y'.repeat(1_048_576)),
  },
);

const HOSTILE_COMMAND = `y=y; ${PRINT} ${CONTEXTS.map(([command]) => command).join(' ')}`;

/** Checks what the fixture printed: as many arguments as contexts, each with every byte of the value. */
function expectWhole(value: string, [count = '', ...hex]: readonly string[]): void {
  const found = Buffer.from(hex.join('').replaceAll(' ', ''), 'hex').toString().split('\0').slice(0, -1);
  const expected = CONTEXTS.map(([, before, after]) =>
    // The one that cuts the value off the front of "y".
    before === 'y' ? (value === 'y' ? '' : 'y') : before + value + after,
  );
  expect(count).toBe(String(CONTEXTS.length));
  expect(found).toEqual(expected);
}

describe('a hostile value runs no code, becomes no other argument and loses no byte', () => {
  let cwd: string;
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'hostile-'));
  });
  afterEach(async () => {
    const left = await readdir(cwd);
    await rm(cwd, { recursive: true });
    expect(left).toEqual([]);
  });

  test('through a runner, or fails its job and says why', { timeout: 90_000 }, async () => {
    const runner = makeRunner(`shell!${HOSTILE_COMMAND}`, { cwd });
    await runner.start();
    await fc.assert(
      fc.asyncProperty(hostileValue, async (v) => {
        const context = makeContext();
        const outcome = await runner.run(makeJob({ v }), context);
        if (outcome.kind === 'completed') return expectWhole(v, context.lines);
        expect(outcome).toMatchObject({
          kind: 'failed',
          retryable: false,
          message: expect.stringMatching(/NUL|Unicode|stdin/) as string,
        });
        expect(/\0|\p{Surrogate}/u.test(v) || v.length > 131_000).toBe(true);
        expect(context.lines).toEqual([]);
      }),
      { numRuns: 220 },
    );
  });

  test.runIf(existsSync('/bin/bash'))('in bash (needs bash)', { timeout: 60_000 }, async () => {
    const { text } = compileShellCommand(HOSTILE_COMMAND);
    await fc.assert(
      fc.asyncProperty(hostileValue, async (value) => {
        fc.pre(findEnvironmentProblem('RBIT_P1', value) === undefined);
        const { stdout } = await execa('/bin/bash', ['-c', text], {
          cwd,
          env: { PATH: process.env['PATH'], RBIT_P1: value },
          extendEnv: false,
          stdin: 'ignore',
        });
        expectWhole(value, stdout.split('\n'));
      }),
      { numRuns: 60 },
    );
  });
});

test('the fixture itself tells arguments apart', () => {
  expect(String(execFileSync(PRINT, ['a b', '']))).toBe('2\n 61 20 62 00 00\n');
});

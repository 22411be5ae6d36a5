import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { inPlaceOfShell } from '../../../src/processors/command/in-place-of-shell.ts';

test.each([
  'python3 c.py',
  '  ./coprocess-hello\t--loud ',
  '/usr/bin/env node kinds.mjs',
  'venv/bin/python -u "a b.py" \'c;d\' e\\ f',
  'java -Xmx64m -cp a.jar:b.jar Main "${RBIT_P1}" $HOME/x ~/y *.cfg',
  'node c.mjs --name="a \\" $USER"',
])('a program takes the place of its shell: %s', (command) => {
  expect(inPlaceOfShell(command)).toBe(`exec ${command}`);
});

test.each([
  '',
  'exec python3 c.py',
  'cd x && python3 c.py',
  'python3 c.py | tee log',
  'python3 c.py; echo done',
  'python3 c.py\necho done',
  'python3 c.py &',
  'python3 c.py # quick',
  'python3 c.py 2>>log',
  'LANG=C python3 c.py',
  '"${RBIT_P1}" c.py',
  '$PYTHON c.py',
  'python3 $(cat name)',
  'python3 `cat name`',
  'python3 "$(cat name)"',
  'python3 "`cat name`"',
  'python3 ${X:-c.py}',
  'python3 $((1+1)).py',
  'python3 "open',
  'while read -r line; do echo; done',
  '(python3 c.py)',
  '{ python3 c.py; }',
  '! python3 c.py',
  '. ./loop.sh',
  'eval "$LOOP"',
  'time python3 c.py',
  'command python3 c.py',
  'read line',
])('what is more than one program, or the shell’s own, is left to the shell: %j', (command) => {
  expect(inPlaceOfShell(command)).toBe(command);
});

test('nothing that a shell does itself is taken for a program', () => {
  const found = execFileSync('bash', ['--posix', '-c', 'compgen -bk'], { encoding: 'utf8' });
  const words = found.trim().split('\n');
  expect(words.length).toBeGreaterThan(50);
  expect(words.filter((word) => inPlaceOfShell(word) !== word)).toEqual([]);
});

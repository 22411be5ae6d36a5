import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RunnerError } from '../../../src/job/runner.ts';
import { readWords } from '../../../src/processors/command/words.ts';

const texts = (command: string): string[] =>
  readWords(command).map(({ parts }) =>
    parts.map((part) => (typeof part === 'string' ? part : `<${part.text}>`)).join(''),
  );

test.each<[string, string[]]>([
  ['', []],
  ['  a\tb\n c ', ['a', 'b', 'c']],
  [`a'b c'"d e"f`, ['ab cd ef']],
  [`'' "" a`, ['', '', 'a']],
  [String.raw`a\ b \'x \\ "\"\\\$\q"`, ['a b', "'x", '\\', '"\\$\\q']],
  [String.raw`'\' "'" '"'`, ['\\', "'", '"']],
  ['a\\\nb', ['ab']],
  ['%ID x%{a.b}y "%{a} %{b}" \'%QUEUE\'', ['<%ID>', 'x<%{a.b}>y', '<%{a}> <%{b}>', '<%QUEUE>']],
  ["100%% %Y '%%'", ['100%', '%Y', '%']],
  [String.raw`\%{a} "\%{a}" '\%{a}'`, ['%{a}', '\\<%{a}>', '\\<%{a}>']],
  [`'a|b' "a;b" 'c' \\& x=1 --a=b`, ['a|b', 'a;b', 'c', '&', 'x=1', '--a=b']],
  [`'$HOME' \\$HOME a$`, ['$HOME', '$HOME', 'a$']],
  [`[ -e '*' "a?" \\[b\\] a~ "~" ]`, ['[', '-e', '*', 'a?', '[b]', 'a~', '~', ']']],
  [`"A=b" A=b`, ['A=b', 'A=b']],
])('%j is split as a shell would', (command, words) => {
  expect(texts(command)).toEqual(words);
});

test.each([
  ['a | b', '"|" is for a shell'],
  ['a && b', '"&&" is for a shell'],
  ['a; b', '"a;" is for a shell'],
  ['a > b', '">" is for a shell'],
  ['a 2>&1', '"2>&1" is for a shell'],
  ['a <b', '"<b" is for a shell'],
  ['a &', '"&" is for a shell'],
  ['echo $HOME', 'nothing fills in "$HOME"'],
  ['echo "${HOME}"', 'nothing fills in'],
  ['echo $(date)', 'nothing fills in'],
  ['echo `date`', 'nothing fills in'],
  [`echo 'a`, `a ' is not closed`],
  ['echo "a', 'a " is not closed'],
  ['echo %{', '%{ is not a placeholder'],
  ['ls *.txt', '"*.txt" would be file names to a shell'],
  ['ls a?', '"a?" would be file names to a shell'],
  ['ls %ID[0-9]', '".[0-9]" would be file names to a shell'],
  ['ls ~/x', '"~/x" would be file names to a shell'],
  ['FOO=bar echo', '"FOO=bar" sets a variable for a shell'],
])('%j is refused, with the reason', (command, reason) => {
  expect(() => readWords(command)).toThrow(RunnerError);
  expect(() => readWords(command)).toThrow(reason);
});

test('all that is wrong is told at once', () => {
  expect(() => readWords('a | b $C "')).toThrow(/for a shell.*nothing fills in.*not closed/s);
});

test('what is not refused is split exactly as sh splits it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-words-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of ['x', 'xa', 'xü', 'xab', 'a']) writeFileSync(join(folder, name), '');
  const piece = fc.constantFrom(
    'a',
    'ü',
    ' ',
    '  ',
    '\t',
    "'",
    '"',
    '\\',
    '\\\\',
    'b c',
    '=',
    '-',
    '#',
    ',',
    '.',
    '*',
    '?',
    '[',
    ']',
    '~',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const command = `x${pieces.join('')}`;
      let words: string[];
      try {
        words = texts(command);
      } catch {
        return;
      }
      // A comment is the shell's alone.
      fc.pre(!/\s#/.test(command) && !command.endsWith('\\'));
      const shell = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`], {
        encoding: 'utf8',
        cwd: folder,
      });
      expect(`${words.join('\n')}\n`).toBe(shell);
    }),
    { numRuns: 300 },
  );
});

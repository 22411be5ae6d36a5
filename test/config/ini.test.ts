import { describe, expect, it } from 'vitest';
import { parseIni } from '../../src/config/ini.ts';

/** Section → key → value. */
function read(text: string): Record<string, Record<string, string>> {
  const { sections, problems } = parseIni(text, 'x.ini');
  expect(problems).toEqual([]);
  return Object.fromEntries(
    [...sections].map(([name, { entries }]) => [
      name,
      Object.fromEntries([...entries].map(([key, { value }]) => [key, value])),
    ]),
  );
}

/** The values of `[s]`. */
const inSection = (...lines: string[]): Record<string, string> | undefined =>
  read(['[s]', ...lines].join('\n')).s;

describe('options', () => {
  it.each([
    ['the first of = and : separates', 'a=b:c', { a: 'b:c' }],
    ['also when it is the colon', 'a:b=c', { a: 'b=c' }],
    ['white space around both sides goes', 'a b \t=\t c  ', { 'a b': 'c' }],
    ['keys are in lower case', 'Output-Dir = X', { 'output-dir': 'X' }],
    ['names of variables keep their case', 'ENV.Path = x', { 'env.Path': 'x' }],
    ['an empty value is empty', 'a =', { a: '' }],
    ['so is ""', 'a = ""', { a: '' }],
    ['other quotes stay', 'a = "q"', { a: '"q"' }],
    ['and so do single ones', "a = 'q'", { a: "'q'" }],
    ['# within a line is data', 'host = h # c', { host: 'h # c' }],
    ['; without a space is data', 'password = p;w', { password: 'p;w' }],
    ['; with a space is data too', 'a = x ; y', { a: 'x ; y' }],
    ['% means nothing', 'format = %(a)s 100%', { format: '%(a)s 100%' }],
    ['backslashes stay', 'a = \\n\\;\\', { a: '\\n\\;\\' }],
    ['brackets in a value are data', 'a = [b]', { a: '[b]' }],
    ['words that JSON knows are text', 'a = true\nb = null\nc = 1', { a: 'true', b: 'null', c: '1' }],
    ['a key with brackets is no array', 'a[] = 1\na[] = 2', { 'a[]': '2' }],
    ['separators of lines in Unicode are data', 'a = x\u2028y\u2029z', { a: 'x\u2028y\u2029z' }],
    ['the last of two counts', 'A = 1\na = 2', { a: '2' }],
    [
      'a shell command keeps every sign',
      'r = shell!a "b;c" ; d=$(e) # f | g && h!',
      { r: 'shell!a "b;c" ; d=$(e) # f | g && h!' },
    ],
  ])('%s', (_rule, lines, expected) => {
    expect(inSection(lines)).toEqual(expected);
  });

  it('keys that JavaScript has of its own are ordinary', () => {
    const entries = inSection('__proto__ = 1', 'constructor = 2', 'toString = 3') ?? {};
    expect(Object.entries(entries)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['tostring', '3'],
    ]);
  });
});

describe('lines that go on', () => {
  it.each([
    ['an indented line is appended without its white space', 'a = 1\n \t2  ', { a: '1\n2' }],
    ['a value can begin on the next line', 'a =\n  1', { a: '\n1' }],
    ['an option in it is data', 'a = 1\n  y = 2', { a: '1\ny = 2' }],
    ['a section in it is data', 'a = 1\n  [b]', { a: '1\n[b]' }],
    ['a comment in it is data', 'a = 1\n  # c\n  ; d', { a: '1\n# c\n; d' }],
    ['blank lines do not end it', 'a = 1\n\n   \n  2', { a: '1\n2' }],
    ['comments in the first column do not end it', 'a = 1\n# c\n; d\nrem e\n  2', { a: '1\n2' }],
    ['"" is empty on its first line only', 'a = ""\n  ""', { a: '\n""' }],
    ['an option that comes again begins anew', 'a = 1\n  2\na = 3\n  4', { a: '3\n4' }],
  ])('%s', (_rule, lines, expected) => {
    expect(inSection(lines)).toEqual(expected);
  });
});

describe('comments', () => {
  it.each(['# x = 1', '; x = 1', 'rem x = 1', 'REM', 'rem\tx', 'rem = 5'])('%j is one', (line) => {
    expect(inSection(line, 'a = 1')).toEqual({ a: '1' });
  });

  it('a key that begins with rem is a key', () => {
    expect(inSection('remote = x', 'rem=y')).toEqual({ remote: 'x', rem: 'y' });
  });
});

describe('sections', () => {
  it('names are taken as written: case, spaces, dots and colons', () => {
    expect(Object.keys(read('[a.b]\n[A.b]\n[ a ]\n[runner:x:y]\n[#]\n[__proto__]\n'))).toEqual([
      'a.b',
      'A.b',
      ' a ',
      'runner:x:y',
      '#',
      '__proto__',
    ]);
  });

  it('what follows the bracket is ignored', () => {
    expect(read('[a] # x = 1\ny = 2\n[b]c = 3\n')).toEqual({ a: { y: '2' }, b: {} });
  });

  it('a section that comes again goes on', () => {
    expect(read('[a]\nx = 1\ny = 1\n[b]\n[a]\ny = 2\n')).toEqual({ a: { x: '1', y: '2' }, b: {} });
  });
});

describe('files', () => {
  const expected = { a: { x: '1\n2', y: '3' } };

  it.each([
    ['Unix', '[a]\nx = 1\n  2\ny = 3\n'],
    ['Windows', '[a]\r\nx = 1\r\n  2\r\n\r\ny = 3\r\n'],
    ['old Macintosh', '[a]\rx = 1\r  2\ry = 3'],
    ['with a byte order mark', '\uFEFF[a]\nx = 1\n  2\ny = 3'],
  ])('%s files are read alike', (_kind, text) => {
    expect(read(text)).toEqual(expected);
  });

  it('each line of a value knows its place, whatever is between', () => {
    const { sections } = parseIni('\uFEFF# one\r\n[a]\r\nx = 1\r\n\r\n# five\r\n  2\r\ny = 3\r\n', 'x.ini');
    const entries = sections.get('a')?.entries;
    expect(entries?.get('x')).toMatchObject({ file: 'x.ini', line: 3, lines: [3, 6], section: 'a' });
    expect(entries?.get('y')).toMatchObject({ line: 7 });
    expect(sections.get('a')).toMatchObject({ line: 2 });
  });

  it('of two options of a name, the place is that of the one that counts', () => {
    expect(parseIni('[a]\nx = 1\nx = 2\n', 'x.ini').sections.get('a')?.entries.get('x')?.line).toBe(3);
  });

  it('what cannot be understood does not keep the rest from being read', () => {
    const { sections, problems } = parseIni('lost\nlost again\n[a]\n  b = 1\nnothing\nx = 1\n[]\n', 'x.ini');
    expect(problems.map(({ line }) => line)).toEqual([1, 4, 5, 7]);
    expect(sections.get('a')?.entries.get('x')?.value).toBe('1');
  });

  it('a line with a NUL character is told once and not read', () => {
    const { sections, problems } = parseIni('[a]\nx = 1\ny = \0\n  \0\n', 'x.ini');
    expect(problems.map(({ line }) => line)).toEqual([3, 4]);
    expect([...(sections.get('a')?.entries.keys() ?? [])]).toEqual(['x']);
  });

  it('a line that cannot be understood is not quoted: it may be a password', () => {
    const { problems } = parseIni('hunter21\n[amqp]\npassword =\nhunter22\n', 'x.ini');
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain('hunter');
  });
});

import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secrets } from '../../src/config/secrets.ts';
import { load, problemsOf, warningsOf, withAmqp, withRunner } from './config-folder.ts';

describe('filling in', () => {
  const environment = {
    TOKEN: 'from the environment',
    EMPTY: '',
    NESTED: '${env:TOKEN}',
    CREDENTIALS_DIRECTORY: 'secrets',
  };
  const files = {
    'secrets/token': 'from a file\n',
    'secrets/lines': 'one\ntwo\n\n',
    'secrets/crlf': 'x\r\n',
  };

  it.each([
    ['${env:TOKEN}', 'from the environment'],
    ['a ${env:TOKEN}${file:secrets/token} b', 'a from the environmentfrom a file b'],
    ['[${env:EMPTY}]', '[]'],
    ['${file:secrets/lines}', 'one\ntwo\n'],
    ['${file:${env:CREDENTIALS_DIRECTORY}/token}/x', 'from a file/x'],
    ['${file:secrets/crlf}', 'x'],
    ['$${env:TOKEN}', '${env:TOKEN}'],
    ['$$${env:TOKEN}', '$${env:TOKEN}'],
    ['${env:NESTED}', '${env:TOKEN}'],
    ['$HOME $(x) {y} $', '$HOME $(x) {y} $'],
  ])('%s is %j', async (written, expected) => {
    const config = await load(withRunner(`x = ${written}`, `env.X = ${written}`), environment, files);
    expect(config.runners.get('r')?.settings.x).toBe(expected);
    expect(config.runners.get('r')?.env.X).toBe(expected);
    expect(config.warnings).toEqual([]);
  });

  it('works for typed values, mappings and files to include', async () => {
    const text =
      '[rbit]\nqueue-mappings = ${env:QUEUE}:r\n[include]\nfiles = ${env:FOLDER}/*.ini\n[amqp]\nport = ${env:PORT}\n[runner:r]\nrunner = shell!true\n';
    const config = await load(
      text,
      { QUEUE: 'jobs', PORT: '5673', FOLDER: 'sub' },
      { 'sub/x.ini': '[rbit]\nname = included\n' },
    );
    expect([...config.mappings]).toEqual([['jobs', 'r']]);
    expect(config.amqp?.urls[0]?.port).toBe(5673);
    expect(config.rbit.name).toBe('included');
  });

  it('is told of when it looks wanted but is not done', async () => {
    expect(warningsOf(await load(withRunner('x = ${HOME}/y')))).toEqual([
      'worker.ini:6: [runner:r] x: ${HOME} stays as it is (only ${env:NAME} and ${file:PATH} are filled in; write $${ for a plain ${)',
    ]);
  });

  it.each([
    ['${file:big}', 'x: ${file:big}: larger than 64 KiB (is it the right file?)'],
    ['${file:sub}', 'x: ${file:sub}: is a directory (name a file in it)'],
    ['${file:/dev/null}', 'x: ${file:/dev/null}: not a regular file (name a file)'],
    ['${file:nul}', 'x: ${file:nul}: holds a NUL character (it has to be text)'],
    ['${file:}', 'x: ${file:}: no path (write ${file:PATH})'],
    [
      '${file:${env:NOWHERE}/token}',
      'x: ${env:NOWHERE}: no such environment variable (set NOWHERE where rbit-ts is started)',
    ],
    ['${file:${env:NOWHERE}/token', 'x: ${file: without "}" (add "}", or write $${ for a plain ${)'],
    ['${file:${file:sub}}', 'x: ${file:${file:sub}: no such file (check the path)'],
    ['${env:}', 'x: ${env:}: not the name of a variable (letters, digits and _)'],
    ['${env:A B}', 'x: ${env:A B}: not the name of a variable (letters, digits and _)'],
  ])('%s is a problem', async (written, expected) => {
    const more = { big: 'x'.repeat(64 * 1024 + 1), 'sub/x': '', nul: 'a\0b' };
    expect(await problemsOf(withRunner(`x = ${written}`), {}, more)).toEqual([
      `worker.ini:6: [runner:r] ${expected}`,
    ]);
  });

  it('a file may have 64 KiB', async () => {
    const config = await load(withRunner('x = ${file:big}'), {}, { big: 'x'.repeat(64 * 1024) });
    expect(config.runners.get('r')?.settings.x).toHaveLength(64 * 1024);
  });

  it('a [DEFAULT] value that nobody uses is not filled in', async () => {
    const unused = ['[DEFAULT]', 'x = ${env:NOT_SET}'];
    expect(await problemsOf(withRunner('x = 1', ...unused))).toEqual([]);
    expect(await problemsOf(withRunner(...unused))).toHaveLength(1);
  });
});

describe('masking', () => {
  function masking(...values: string[]): (text: string) => string {
    const secrets = new Secrets();
    for (const value of values) secrets.add(value);
    return secrets.mask;
  }

  it('hides a secret wherever it stands, as it is, JSON-escaped and percent-encoded', () => {
    const mask = masking('p"w/ä\n$1');
    expect(mask('<p"w/ä\n$1> <p\\"w/ä\\n$1> <p%22w%2F%C3%A4%0A%241>')).toBe('<***> <***> <***>');
  });

  describe.each([
    ['" and \\', String.raw`kw"9\zq`],
    ["' and \\", String.raw`kw'9\zq`],
    ['both quotes', String.raw`kw"9'\zq`],
    ['all three quotes', 'kw"9\'`\\zq'],
    ['quotes and lines', `kw"9'zq8\nkw"9'zq7\n`],
  ])('hides one that holds %s', (_kind, secret) => {
    const around = ['', 'x', '"', "'", `"'`, '"\'`', '${'].map((text) => `${text}${secret}${text}`);
    const mask = masking(secret);

    it('in what console.log shows of an object', () => {
      for (const text of around)
        for (const shown of [inspect({ text }), inspect([text]), inspect(new Map([[text, 1]]))])
          expect(mask(shown)).not.toMatch(/kw|zq/);
    });

    it("in Python's repr", () => {
      const program =
        'import json, sys\nfor text in json.load(sys.stdin): print(repr(text)); print({text: [text]})';
      const shown = execFileSync('python3', ['-c', program], {
        input: JSON.stringify(around),
        encoding: 'utf8',
      });
      expect(shown).toMatch(/kw.*zq/);
      expect(mask(shown)).not.toMatch(/kw|zq/);
    });
  });

  it('hides the longer of two that begin alike', () => {
    expect(masking('abcd', 'abcdef')('abcdef abcd')).toBe('*** ***');
  });

  it('takes no sign of a secret for a pattern', () => {
    expect(masking('a.*(b|c)[d]')('a.*(b|c)[d] axxb')).toBe('*** axxb');
  });

  it('leaves out what is too short to be told from other text', () => {
    expect(masking('abc')('abc abcd')).toBe('abc abcd');
  });

  it('hides one of fewer than 6 characters only where it is a word of its own', () => {
    const mask = masking('data', 'sixsix');
    expect(mask('data /srv/database/metadata.json dataä 1data x=data, (data) /srv/data/x sixsixty')).toBe(
      '*** /srv/database/metadata.json dataä 1data x=***, (***) /srv/***/x ***ty',
    );
  });

  it('takes the letters of an escape sequence for none of the word after it', () => {
    expect(masking('data')(JSON.stringify('a\ndata\t\u0007data \u001b[31mdata\u001b[0m'))).toBe(
      JSON.stringify('a\n***\t\u0007*** \u001b[31m***\u001b[0m'),
    );
    expect(masking('data')('\u001b[1;31mdata a%20data%20b')).toBe('\u001b[1;31m*** a%20***%20b');
  });

  it('hides each longer line of a secret of several lines', () => {
    expect(masking('-----BEGIN-----\nMIIabcdef\nxy\n')('found MIIabcdef, xy')).toBe('found ***, xy');
  });

  it('does nothing when there are no secrets', () => {
    expect(masking()('text')).toBe('text');
  });

  it('shows no secret when it is printed itself', () => {
    const secrets = new Secrets();
    secrets.add('hunter22');
    secrets.mask('x');
    expect(inspect(secrets, { depth: 5, showHidden: true }) + JSON.stringify(secrets)).not.toContain(
      'hunter22',
    );
  });
});

describe('secrets of a configuration', () => {
  it('are the password, passwords in URLs (also as written there), and all that was filled in', async () => {
    const urls = 'url = amqp://u:pass%2Dword1@a amqp://u:pass-word2@b amqp://guest:guest@c';
    const config = await load(withAmqp(urls, 'exchange = ${env:EXCHANGE}'), { EXCHANGE: 'secret-exchange' });
    expect(config.secrets.mask('pass-word1 pass%2Dword1 pass-word2 secret-exchange guest')).toBe(
      '*** *** *** *** guest',
    );
    const parts = await load(withAmqp('user = u', 'password = pass-word3'));
    expect(parts.secrets.mask('pass-word3')).toBe('***');
  });

  it('are not what comes from the variables that a child inherits in any case', async () => {
    const names = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TOKEN'];
    const environment = Object.fromEntries(names.map((name) => [name, `value-of-${name}`]));
    const lines = names.map((name) => `x-${name} = \${env:${name}}`);
    const { secrets } = await load(withRunner(...lines), environment);
    expect(names.filter((name) => secrets.mask(`value-of-${name}`) === '***')).toEqual(['TOKEN']);
  });

  it('do not hide the value of a variable that may be shown', async () => {
    expect(await problemsOf(withRunner('timeout = ${env:TZ}'), { TZ: 'UTC' })).toEqual([
      'worker.ini:6: [runner:r] timeout = "${env:TZ}": not a duration (try 10s, 10m, 2h)',
    ]);
  });

  const SECRET = 'zq9-secret-zq9';
  const SHORT = '~7';
  it.each([
    ['a typed value', withRunner('timeout = ${env:SECRET}')],
    ['a short one', withRunner('timeout = ${env:SHORT}')],
    ['a word', withRunner('body = ${env:SECRET}')],
    ['an item of a list', withRunner('blocked-codes = 1 ${env:SHORT}')],
    ['a mapping', withRunner('[rbit]', 'queue-mappings = ${env:SECRET} q:${env:SECRET} ${env:SHORT}:x')],
    [
      'a password elsewhere',
      withAmqp('user = u', `password = ${SECRET}`, `[runner:${SECRET}x]`, `[rbit]`, `log-level = ${SECRET}`),
    ],
    ['a URL', withAmqp(`url = amqp://u:${SECRET}@h:0`)],
    ['a URL from a variable', withAmqp('url = ${env:SECRET}')],
    ['a file of keys', withAmqp('ssl = yes', 'ca-file = ${env:SECRET}')],
    ['an include', withAmqp('[include]', 'files = ${env:SECRET}')],
    ['an included file', withAmqp('[include]', 'files = ${env:SECRET}.d/x.ini')],
    ['a misspelt key', withAmqp(`passwort = ${SECRET}`)],
    ['a line that lost its key', withAmqp('user = u', 'password =', SECRET)],
  ])('no problem shows one: %s', async (_kind, text) => {
    const problems = await problemsOf(
      text,
      { SECRET, SHORT },
      { [`${SECRET}.d/x.ini`]: '[rbit]\nlog-level = x\n' },
    );
    expect(problems.length).toBeGreaterThan(0);
    const told = problems.join('\n').replace(`[runner:${SECRET}x]`, '');
    expect(told).not.toContain(SECRET);
    expect(told).not.toContain(SHORT);
  });

  it('no warning shows one', async () => {
    const text = withAmqp(
      'user = u',
      `password = ${SECRET} ; old`,
      '[rbit]',
      'queue-mappings = ${env:QUEUE}:r ${env:QUEUE}:r',
      '[runner:r]',
      `timout = ${SECRET} ; old`,
    );
    const warnings = warningsOf(await load(text, { QUEUE: SECRET }));
    expect(warnings).toHaveLength(4);
    expect(warnings.join('\n')).not.toContain(SECRET);
  });
});

describe('what is left of a secret', () => {
  const secrets = new Secrets();
  secrets.add('topsecret99');
  secrets.add('pässwörtchen');

  it.each([
    ['before topsecre …', 'before *** …'],
    ['before topsecr … [cut: a line longer than 64 KiB]', 'before *** … [cut: a line longer than 64 KiB]'],
    ['a tops …\nb topsecret99 c', 'a *** …\nb *** c'],
    ['top … and so on …', 'top … and so on …'],
    ['topsecr', 'topsecr'],
  ])('by a cut is masked, too: %j', (text, masked) => {
    expect(secrets.mask(text)).toBe(masked);
  });

  it('is masked as JSON in ASCII writes it', () => {
    expect(secrets.mask(String.raw`{"a":"p\u00e4ssw\u00f6rtchen"}`)).toBe('{"a":"***"}');
  });

  it('is looked for in no more time than a text takes to be read, whatever is printed on purpose', () => {
    const many = new Secrets();
    many.add(Array.from({ length: 26 }, (_, index) => `${index}`.padEnd(64, 'k')).join('\n'));
    const startedAt = performance.now();
    for (const text of [' …', ' … [cut: ']) many.mask(text.repeat(65_536 / text.length));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

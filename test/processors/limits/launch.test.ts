import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Program, throughChain } from '../../../src/processors/limits/launch.ts';

const run = ({ file, args, env }: Program): string =>
  execFileSync(file, args, { env, encoding: 'utf8', cwd: '/' });

const print = { file: '/bin/sh', args: ['-c', 'echo "$LD_X|$TOKEN|$GCONV_PATH"'] };

test('without a chain, a program is started as it is', () => {
  const program = { ...print, env: { LD_X: 'x' } };
  expect(throughChain([], program)).toBe(program);
});

test.each([
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'LD_AUDIT',
  'GLIBC_TUNABLES',
  'GCONV_PATH',
  'LOCPATH',
  'NLSPATH',
  'MALLOC_TRACE',
  'BASH_ENV',
  'ENV',
  'BASH_FUNC_echo%%',
  'SHELLOPTS',
  'PS4',
])('%s is kept from the chain', (name) => {
  const { env, args } = throughChain(['/bin/nice'], { ...print, env: { [name]: 'x', PATH: '/bin' } });
  expect(env).toEqual({ PATH: '/bin' });
  expect(args).toContain(`${name}=x`);
});

test('nothing is lost on the way, and what is no loader’s is on no command line', () => {
  const env = { LD_X: "a 'b'\n", TOKEN: 'secret', GCONV_PATH: '' };
  const through = throughChain(['/usr/bin/nice', '-n', '1'], { ...print, env });
  expect(run(through)).toBe("a 'b'\n|secret|\n");
  expect([through.file, ...through.args].join(' ')).not.toContain('secret');
});

test('a program whose path looks like a variable is started all the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'a=b-'));
  try {
    const file = join(folder, 'echo');
    await copyFile('/bin/echo', file);
    await chmod(file, 0o755);
    const through = throughChain(['/usr/bin/nice'], { file, args: ['x', 'y'], env: { LD_X: '1' } });
    expect(run(through)).toBe('x y\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

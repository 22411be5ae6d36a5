import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { formatProblem, type Problem } from '../../src/config/problem.ts';

const whole: Problem = {
  file: 'worker.ini',
  line: 14,
  section: 'runner:pdf',
  key: 'timeout',
  value: '10x',
  message: 'not a duration',
  fix: 'try 10s, 10m, 2h',
};

describe('a problem', () => {
  it('says where, what, why and what to do', () => {
    expect(formatProblem(whole)).toBe(
      'worker.ini:14: [runner:pdf] timeout = "10x": not a duration (try 10s, 10m, 2h)',
    );
  });

  it('says only what it knows', () => {
    expect(formatProblem({ file: 'x.ini', message: 'no such file' })).toBe('x.ini: no such file');
    expect(formatProblem({ file: 'x.ini', line: 1, section: 'a', message: 'odd' })).toBe('x.ini:1: [a]: odd');
    expect(formatProblem({ file: 'x.ini', key: 'a', message: 'odd' })).toBe('x.ini: a: odd');
  });

  it.each([
    ['/etc/rbit/conf.d/x.ini', 'conf.d/x.ini'],
    ['/etc/other/x.ini', '/etc/other/x.ini'],
    ['/etc/rbit', '/etc/rbit'],
    ['conf.d/x.ini', 'conf.d/x.ini'],
    ['../x.ini', '../x.ini'],
  ])('shows %s in /etc/rbit as %s', (file, shown) => {
    expect(formatProblem({ file, message: 'odd' }, '/etc/rbit')).toBe(`${shown}: odd`);
  });

  it('shows an absolute path as it is where everything is below the working directory', () => {
    expect(formatProblem({ file: '/etc/rbit/x.ini', message: 'odd' }, '/')).toBe('/etc/rbit/x.ini: odd');
  });

  it('shows the beginning of a long value, on one line', () => {
    expect(formatProblem({ ...whole, value: `a\n${'b'.repeat(100)}` })).toContain(
      `timeout = "a\\n${'b'.repeat(58)}…": `,
    );
  });

  it('sends nothing to the terminal but text', () => {
    expect(formatProblem({ file: 'a\nb', section: '\u001b[2J', message: '\u2028\u0085' })).toBe(
      'a\\u000ab: [\\u001b[2J]: \\u2028\\u0085',
    );
  });
});

it('a ConfigError has all problems in its message, one a line', () => {
  const error = new ConfigError([whole, { ...whole, line: 15 }]);
  expect(error.message.split('\n')).toEqual([formatProblem(whole), formatProblem({ ...whole, line: 15 })]);
});

import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { CLI } from '../support/daemon.ts';
import { CLEAR, linesOf, start, useSubmitProject } from './submit-project.ts';

describe('submit, its input and its output', () => {
  const use = useSubmitProject('the embedded broker');

  it.concurrent('a message from standard input goes out byte for byte', async () => {
    const args = [CLI, 'submit', use.queue('raw'), '-c', use.ini(), '--message', '-', '--wait', '--id', 'x'];
    const { code, stdout } = await start(process.execPath, args, '{ "a":\t1.0 }').ended;
    expect(code).toBe(0);
    expect(linesOf(stdout)).toContain('output { "a":\t1.0 } x');
  });

  it.concurrent('ends when nobody reads what it prints', async () => {
    const running = use.submitting('pages', '--wait', '--set', 'parameters.ms=700');
    await eventually(() => running.output.stdout.includes('\nstarted\n'), 'the start');
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({
      code: 141,
      stderr: expect.stringContaining('goes on without us'),
    });
  });

  it.concurrent('control characters of a job reach no one', async () => {
    const { stdout } = await use.submit('hostile', '--wait');
    expect(stdout).toMatch(/^(?:\n|[^\p{Cc}])*$/u);
    expect(stdout).toContain('output ab');
    const terminal = await use.onTerminal(80, 'hostile', '--wait').ended;
    expect(terminal.code).toBe(0);
    expect(terminal.stdout.replaceAll(CLEAR, '').replaceAll('\r\n', '')).toMatch(/^[^\p{Cc}]*$/u);
  });

  it.concurrent('on a terminal, output scrolls above one line that never wraps', async () => {
    const args = ['--wait', '--set', `parameters.name=${'long '.repeat(20)}`, '--set', 'parameters.ms=400'];
    const { code, stdout } = await use.onTerminal(40, 'pages', ...args).ended;
    expect(code).toBe(0);
    const frames = stdout.split(CLEAR).map((part) => part.slice(part.lastIndexOf('\n') + 1));
    expect(frames.filter((frame) => frame.length > 39)).toStrictEqual([]);
    expect(frames).toContainEqual(expect.stringMatching(/^running {2}0\.\ds {2}50% {2}page 1$/));
    expect(stdout).toContain(`${CLEAR}page 1 of ${'long '.repeat(20)}\r\n`);
    expect(stdout).toMatch(/completed in \d\.\ds\r\n\{\r\n {2}"pages": 2,/);
  });

  it.concurrent('on a terminal, it says after two seconds that nobody takes the job', async () => {
    const more = use.more();
    const { code, stdout } = await use.onTerminal(80, 'idle', '-c', more, '-w', '--timeout', '4s').ended;
    expect(code).toBe(75);
    expect(stdout).toMatch(/queued {2}2\.\ds {2}waiting in the queue \(is the daemon running\?\)/);
    expect(stdout).not.toMatch(/queued {2}1\.[0-8]s {2}w/);
  });

  it.concurrent('on a terminal, --count shows a bar with rate and remaining time', async () => {
    const { code, stdout } = await use.onTerminal(
      100,
      'pages',
      '--count',
      '40',
      '--wait',
      '--set',
      'parameters.ms=60',
    ).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/running {2}█+░* \d+% {2}\d+\/40 {2}[\d.]+\/s {2}[\d.]+s left/);
    expect(stdout).toContain(`${CLEAR}completed 40\r\nfailed 0\r\n`);
  });
});

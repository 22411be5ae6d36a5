import { expect, test } from 'vitest';
import type { LogLine } from '../harness.ts';
import { makeContext, makeJob, makeRunner } from '../harness.ts';
import { Launcher } from '../../../src/processors/limits/launcher.ts';

const MIB = 1024 * 1024;
/** Takes `parameters.mib` of memory, and writes to all of it. */
const TAKE = `shell!head -c %{parameters.mib}M /dev/zero | tail -c %{parameters.mib}M | wc -c`;

async function take(mib: number, runner: ReturnType<typeof makeRunner>): Promise<string[]> {
  const context = makeContext();
  await runner.run(makeJob({ parameters: { mib } }), context);
  return context.lines;
}

test('what takes more memory than it may gets none, and its neighbour does not notice', async () => {
  const lines: LogLine[] = [];
  const runner = makeRunner(TAKE, { limits: { memory: 64 * MIB }, lines });
  await runner.start();
  const [hog, neighbour] = await Promise.all([take(200, runner), take(10, runner)]);
  expect(neighbour).toEqual([String(10 * MIB)]);
  expect(hog).not.toContain(String(200 * MIB));
  expect(await take(20, runner)).toEqual([String(20 * MIB)]);
  expect(lines.filter(({ message }) => message.includes('memory'))).toEqual([
    {
      level: 'info',
      message: expect.stringMatching(/^memory is limited by (a cgroup|ulimit -v)/) as string,
      fields: expect.objectContaining({ memory: 64 * MIB }) as object,
    },
  ]);
});

test('so little memory that nothing can be started is told at the start', async () => {
  await expect(Launcher.open({ memory: 4096 })).rejects.toMatchObject({
    name: 'RunnerError',
    message: expect.stringMatching(/^memory = 4096: not even true\(1\) runs so: [^\n]+$/) as string,
  });
});

test('without limits a program is started as it is', async () => {
  const launcher = await Launcher.open({});
  const program = { file: 'x', args: ['a', ''], env: { A: 'b' } };
  const { release, held, ...launch } = launcher.prepare(program, 'run');
  expect(launch).toEqual(program);
  expect(held).toBeUndefined();
  expect(release()).toEqual({ isOverMemory: false });
});

test('arguments arrive as they are, through whatever limits there are', async () => {
  const launcher = await Launcher.open({ memory: 512 * MIB, nice: 3 });
  const args = ['', ' ', '-n', '$(id)', "'", '"', '*', '\n', '--', 'ünï'];
  const { file, args: all, release } = launcher.prepare({ file: '/bin/echo', args, env: {} }, 'run');
  expect([file, ...all].slice(-args.length - 1)).toEqual(['/bin/echo', ...args]);
  release();
});

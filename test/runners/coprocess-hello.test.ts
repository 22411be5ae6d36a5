import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeContext, makeJob, makeRunner } from '../processors/harness.ts';

const PROJECT = new URL('../../', import.meta.url).pathname;

function isThere(program: string, argument: string): boolean {
  return spawnSync(program, [argument], { stdio: 'ignore' }).status === 0;
}

describe.each([
  ['Python', 'python3', '--version', 'python3 runners/coprocess-hello.py'],
  ['Go', 'go', 'version', ''],
])('the coprocess in %s', (_language, program, argument, command) => {
  let folder = '';
  let line = command;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rbit-test-'));
    if (program !== 'go' || !isThere(program, argument)) return;
    line = join(folder, 'coprocess-hello');
    execFileSync('go', ['build', '-o', line, 'runners/coprocess-hello.go'], { cwd: PROJECT });
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.skipIf(!isThere(program, argument))(
    `greets, says how far it is, and fails what it cannot greet (needs ${program})`,
    async () => {
      const runner = makeRunner(`coprocess!${line}`, {
        directory: PROJECT,
        settings: { greeting: 'Good day' },
      });
      await runner.start();
      for (const name of ['World', 'Zoë "\n"']) {
        const context = makeContext();
        expect(await runner.run(makeJob({ parameters: { name } }), context)).toEqual({
          kind: 'completed',
          data: `Good day, ${name}!`,
        });
        expect(context.steps).toEqual([[50, `thinking of ${name}`]]);
        expect(context.lines).toEqual([]);
      }
      for (const body of [{}, { parameters: {} }, { parameters: { name: 7 } }]) {
        expect(await runner.run(makeJob(body), makeContext())).toEqual({
          kind: 'failed',
          message: 'parameters.name is missing',
          retryable: false,
        });
      }
      await runner.stop();
    },
  );
});

test('the coprocess in a shell counts its jobs', async () => {
  const runner = makeRunner('coprocess!sh runners/coprocess-hello.sh', {
    directory: PROJECT,
    concurrency: 1,
  });
  await runner.start();
  const context = makeContext();
  for (let n = 0; n < 2; n++)
    expect(await runner.run(makeJob({ a: '"run":"x"' }), context)).toEqual({ kind: 'completed' });
  expect(context.lines).toEqual([
    expect.stringMatching(/^job 1 of process \d+$/),
    expect.stringMatching(/^job 2 of process \d+$/),
  ]);
  await runner.stop();
});

test('the page of the protocol shows the examples as they are', () => {
  const page = readFileSync(join(PROJECT, 'runners/coprocess.md'), 'utf8');
  const examples = globSync('runners/coprocess-hello.*', { cwd: PROJECT });
  expect(examples).toHaveLength(3);
  for (const example of examples) {
    const text = readFileSync(join(PROJECT, example), 'utf8');
    expect(page.includes(`\n${text}\`\`\`\n`), example).toBe(true);
  }
});

import { describe, expect, it } from 'vitest';
import { runOnce, shippedRunner } from './run-once.ts';

describe.each([
  { line: 'module!runners/hello.ts', data: { greeting: 'Good day, Ada!' } },
  { line: 'shell!sh runners/hello.sh %{parameters.name}', data: { letters: 3 } },
])('$line', ({ line, data }) => {
  it('greets whoever the job names, and has something to say in its reply', async () => {
    const runner = shippedRunner(line, { greeting: 'Good day' });
    await runner.start();
    expect(await runOnce(runner, { parameters: { name: 'Ada' } })).toStrictEqual({
      outcome: { kind: 'completed', data },
      lines: ['Good day, Ada!'],
    });
  });

  it.each(['$(id)', '"; exit 3; "', '-n', 'é'])('the name %j is a name', async (name) => {
    const runner = shippedRunner(line);
    await runner.start();
    const { outcome, lines } = await runOnce(runner, { parameters: { name } });
    expect(outcome.kind).toBe('completed');
    expect(lines).toStrictEqual([`Hello, ${name}!`]);
  });

  it('a job that names nobody fails for good', async () => {
    const runner = shippedRunner(line);
    await runner.start();
    const { outcome } = await runOnce(runner, { parameters: { name: '' } });
    expect(outcome).toStrictEqual({
      kind: 'failed',
      message: 'parameters.name must be a name',
      retryable: false,
    });
  });
});

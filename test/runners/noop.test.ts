import { beforeAll, expect, it } from 'vitest';
import { runOnce, shippedRunner } from './run-once.ts';

const runner = shippedRunner('module!runners/noop.ts');
beforeAll(() => runner.start());

it.each(['Run', 'MegaFrobber', 'fail', 'FAIL', '', undefined])(
  'the subcommand %j completes, and the job shows what came',
  async (subcommand) => {
    const parameters = { command: 'noop', subcommand, hosts: ['www01'] };
    expect(await runOnce(runner, { parameters, dynamic: { cart: 'c-17' } })).toStrictEqual({
      outcome: { kind: 'completed' },
      lines: [`parameters ${JSON.stringify(parameters)}`, 'dynamic {"cart":"c-17"}'],
    });
  },
);

it('the subcommand Fail fails, for good', async () => {
  const { outcome } = await runOnce(runner, { parameters: { command: 'noop', subcommand: 'Fail' } });
  expect(outcome).toStrictEqual({
    kind: 'failed',
    message: 'noop:Fail was asked to fail',
    retryable: false,
  });
});

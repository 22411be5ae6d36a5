import { expect, test } from 'vitest';
import { makeContext, makeJob, makeRunner } from './harness.ts';

const NUMBERS = [
  '12345678901234567890',
  '1.10',
  '1e400',
  '-0',
  '1E5',
  '0.0000001',
  '9007199254740993',
  '1e-400',
];

test.each(['shell', 'exec'])('%s! hands over each number as the message has it', async (processor) => {
  const body = `{"parameters": {"command": 1.0, "x": [${NUMBERS.join(', ')}]}}`;
  const each = NUMBERS.map((_, index) => `%{parameters.x.${index}}`);
  const runner = makeRunner(`${processor}!printf '<%s>\\n' %COMMAND ${each.join(' ')} %{parameters.x}`);
  await runner.start();
  const context = makeContext(body);
  await runner.run(makeJob(JSON.parse(body)), context);
  await runner.stop();
  expect(context.lines).toEqual(['1.0', ...NUMBERS, `[${NUMBERS.join(',')}]`].map((text) => `<${text}>`));
});

import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { createOwnProcessor } from '../../src/processors/own.ts';
import { makeRunner } from '../processors/harness.ts';
import { runOnce } from './run-once.ts';

it('a name is printed as it is, whatever it means to a replacement', async () => {
  const processor = createOwnProcessor({
    name: 'greet',
    module: './greet.ts',
    directory: resolve('runners'),
  });
  const runner = makeRunner('greet!Hello, %s and %s', { processor });
  await runner.start();
  const { lines } = await runOnce(runner, { parameters: { name: "$& $' $1" } });
  expect(lines).toStrictEqual(["Hello, $& $' $1 and $& $' $1"]);
});

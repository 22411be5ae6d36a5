import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { ThreadPool } from '../../../src/processors/thread/thread-pool.ts';
import { eventually } from '../../support/eventually.ts';
import { FIXTURES, makeContext, makeJob } from '../harness.ts';

test('when nobody can tell which job took the memory, each runs again alone, and only the guilty one has crashed', async () => {
  const specifier = pathToFileURL(`${FIXTURES}/modules/kinds.ts`).href;
  const pool = new ThreadPool(1, {
    module: { specifier, parentUrl: specifier, exportName: 'default' },
    settings: {},
    env: {},
    killGraceMs: 300,
    resourceLimits: { maxOldGenerationSizeMb: 48 },
  });
  await pool.start();
  const context = makeContext();
  const innocent = pool.run(makeJob({ parameters: { do: 'wait', value: 2_000 } }), context);
  await eventually(() => context.lines.length > 0, 'the innocent job runs');
  const guilty = pool.run(makeJob({ parameters: { do: 'memory' } }), makeContext());
  expect(await guilty).toMatchObject({
    kind: 'failed',
    retryable: true,
    message: expect.stringContaining('memory') as string,
  });
  expect(await innocent).toEqual({ kind: 'completed', data: 'waited' });
  expect(context.lines).toEqual(['waiting', 'waiting']);
  await pool.stop();
});

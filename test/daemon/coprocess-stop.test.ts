import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProject, TestDaemon } from '../support/daemon.ts';

test('a stop gives a coprocess without a job its kill-grace to clean up, however long', async () => {
  const project = await makeProject(`[rbit]
queue-mappings = jobs: slow
log-format = json

[runner:slow]
runner = coprocess!trap 'sleep 5.5; touch cleaned; exit' TERM; while :; do sleep 0.1; done
kill-grace = 30s
`);
  const daemon = await new TestDaemon([project.ini]).consuming('jobs');
  expect(await daemon.stop()).toBe(0);
  expect(existsSync(join(project.dir, 'cleaned'))).toBe(true);
  await project.remove();
});

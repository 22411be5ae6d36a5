import { expect, test } from 'vitest';
import { tableOf } from '../chaos/account.ts';
import { runCampaign } from '../chaos/campaign.ts';

const SEED = 21;
const FAULTS_FOR_MS = 36_000;
/** A wait queue that lost its leader when the broker was killed refuses a message after 65 s. */
const END_LIMIT_MS = 110_000;

test('nothing is lost and nothing is done twice without need, whatever happens to daemons, cables and broker', async ({
  signal,
}) => {
  const { account, folder } = await runCampaign({
    seed: SEED,
    forMs: FAULTS_FOR_MS,
    jobsPerSecond: 3,
    endLimitMs: END_LIMIT_MS,
    keep: false,
    signal,
    onProgress: () => {},
  });
  const table = `seed ${SEED}, all of it in ${folder ?? 'no folder'}\n${tableOf(account)}`;
  expect(account.problems, table).toEqual([]);
}, 240_000);

import { expect, test } from 'vitest';
import { tableOf } from '../chaos/account.ts';
import { runCampaign } from '../chaos/campaign.ts';

const SEED = 20;
const FAULTS_FOR_MS = 36_000;

test('nothing is lost and nothing is done twice without need, whatever happens to daemons, cables and broker', async ({
  signal,
}) => {
  const { account, folder } = await runCampaign({
    seed: SEED,
    forMs: FAULTS_FOR_MS,
    jobsPerSecond: 3,
    endLimitMs: 40_000,
    keep: false,
    signal,
    onProgress: () => {},
  });
  const table = `seed ${SEED}, all of it in ${folder ?? 'no folder'}\n${tableOf(account)}`;
  expect(account.problems, table).toEqual([]);
}, 150_000);

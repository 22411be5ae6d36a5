// A fault campaign: several daemons on one RabbitMQ, jobs of every outcome, and everything that can go wrong. Jobs and
// faults are the same for the same seed and minutes; how they meet is not.

import { parseArgs } from 'node:util';
import { tableOf } from './account.ts';
import { runCampaign } from './campaign.ts';
import { createReporter } from './reporter.ts';

const USAGE = `A campaign of faults against rbit-ts, and an account of every job. Needs Debian's rabbitmq-server.

  npm run chaos -- --seed 7 --minutes 5

  --seed N        the plan of jobs and faults; a random one if absent
  --minutes M     how long there are faults (5)
  --rate N        jobs a second (4)
  --end-limit S   seconds for everything to end afterwards (180)
  --keep          keep the folder with logs, ledger and evidence; it is kept in any case when something is wrong

Exit status: 0 all promises were kept, 1 they were not, 64 wrong arguments, 130 interrupted.`;

const values = readArguments();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const seed = numberOf('seed', values.seed, 0);
const forMs = numberOf('minutes', values.minutes, 0.1) * 60_000;
const jobsPerSecond = numberOf('rate', values.rate, 0.1);
const endLimitMs = numberOf('end-limit', values['end-limit'], 1) * 1000;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    // The second one does not wait for anything.
    if (interruption.signal.aborted) end(130);
    interruption.abort(new Error(`ended by ${signal}`));
  });
const reporter = createReporter(process.stdout);
const since = performance.now();
console.log(`seed ${seed}, ${forMs / 60_000} minutes, ${jobsPerSecond} jobs a second`);
try {
  const { account, folder, faults } = await runCampaign({
    seed,
    forMs,
    jobsPerSecond,
    endLimitMs,
    keep: values.keep,
    signal: interruption.signal,
    onProgress: (progress) => reporter.show(progress),
  });
  reporter.close();
  console.log(`\n${tableOf(account)}\n`);
  const minutes = (performance.now() - since) / 60_000;
  console.log(
    `seed ${seed}: ${minutes.toFixed(1)} minutes in all, ${(faults.length / (forMs / 60_000)).toFixed(0)} faults a minute`,
  );
  for (const problem of account.problems) console.log(problem);
  if (folder !== undefined) console.log(`evidence, ledger, logs and INI files: ${folder}`);
  end(account.problems.length === 0 ? 0 : 1);
} catch (error) {
  reporter.close();
  if (interruption.signal.aborted) {
    console.error(`seed ${seed}: interrupted`);
    end(130);
  }
  console.error(`seed ${seed}:`, error);
  end(1);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        minutes: { type: 'string', default: '5' },
        rate: { type: 'string', default: '4' },
        'end-limit': { type: 'string', default: '180' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(64);
  }
}

/** At once: Node.js has been seen to spin for ever in its own clean-up after connections were reset. */
function end(status: number): never {
  process.exit(status);
}

function numberOf(name: string, text: string, least: number): number {
  const number = Number(text);
  if (number >= least && Number.isFinite(number)) return number;
  console.error(`--${name} ${text}: not a number of at least ${least}`);
  process.exit(64);
}

import type { Case, Subject, Target } from '../comparison.ts';
import { drain, type StartWorker } from '../subjects/drain.ts';
import { AMQP_CONSUME, AMQP_CONSUME_REPLYING } from '../subjects/peers.ts';
import { COLD_START, rbit } from '../subjects/rbit.ts';
import { spawnMany } from '../subjects/spawn.ts';

const BARE_SPAWN = 'bare spawn';
const BY_SPAWN = 'shell!, by spawn';

/** What short commands make of a full queue; the bare one runs as many of them with no queue at all. */
export function shell(atOnce: 1 | 8, peers: readonly Subject[]): Case {
  const jobs = { 1: 1500, 8: 4000 }[atOnce];
  const ours = (name: string, start: StartWorker): Subject => ({
    name,
    isOurs: true,
    run: (stage) => drain(stage, start, { jobs: stage.jobs(jobs), atOnce }),
  });
  return {
    name: `shell-${atOnce}`,
    about: `the command true, ${atOnce} at once: from a full queue of RabbitMQ with two replies, and by spawn without a queue`,
    quick: atOnce === 8 ? [BARE_SPAWN, 'exec!', BY_SPAWN] : 'none',
    figures: ['rate', 'cpu', 'brokerCpu', 'rss', 'children'],
    base: BARE_SPAWN,
    subjects: [
      {
        name: BARE_SPAWN,
        run: (stage) => spawnMany(['/bin/sh', '-c', 'true'], { jobs: stage.jobs(jobs), atOnce }),
      },
      ours('shell!', rbit('shell!')),
      ours('exec!', rbit('exec!')),
      ours(BY_SPAWN, rbit('shell!', COLD_START)),
      ...peers,
    ],
    targets: targets(atOnce),
  };
}

function targets(atOnce: 1 | 8): Target[] {
  const least: ReadonlyArray<readonly [string, number]> =
    atOnce === 1
      ? [[AMQP_CONSUME, 0.7]]
      : [
          [BY_SPAWN, 2.5],
          [AMQP_CONSUME, 1.2],
          [AMQP_CONSUME_REPLYING, 12],
        ];
  return least.map(([against, ratio]) => ({ subject: 'shell!', figure: 'rate', against, least: ratio }));
}

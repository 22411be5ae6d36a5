import type { Case, Subject, Target } from '../comparison.ts';
import { BARE_AMQPLIB, JOURNALLED, journalled, startAmqplib } from '../subjects/amqplib.ts';
import { drain } from '../subjects/drain.ts';
import { type NoopRunner, rbit } from '../subjects/rbit.ts';

/** What each way of running a job that does nothing makes of a full queue, so many at once. */
export function throughput(atOnce: 1 | 10 | 100, peers: readonly Subject[]): Case {
  // Where several are worked at once: as many as compile the code, and then keep the ceiling busy for a few seconds.
  const jobs = { 1: 12_000, 10: 40_000, 100: 60_000 }[atOnce];
  const names: NoopRunner[] = ['module! none', 'module! thread', 'coprocess!', 'python!'];
  // A hundred processes of Node are no way to run anything.
  if (atOnce < 100) names.push('module! process');
  return {
    name: `throughput-${atOnce}`,
    about: `jobs that do nothing, each with its two replies, from a full queue of RabbitMQ, ${atOnce} at once`,
    figures: ['rate', 'cpu', 'brokerCpu', 'rss', 'children'],
    base: BARE_AMQPLIB,
    subjects: [
      { name: BARE_AMQPLIB, run: (stage) => drain(stage, startAmqplib, { jobs: stage.jobs(jobs), atOnce }) },
      ...(['here', 'threads', 'coprocesses'] as const).map(
        (way): Subject => ({
          name: JOURNALLED[way],
          run: (stage) => drain(stage, journalled(way), { jobs: stage.jobs(jobs), atOnce }),
        }),
      ),
      ...names.map(
        (name): Subject => ({
          name,
          isOurs: true,
          run: (stage) => drain(stage, rbit(name), { jobs: stage.jobs(jobs), atOnce }),
        }),
      ),
      ...peers,
    ],
    targets: [...(atOnce === 1 ? [] : targets()), ...ceilings()],
    quick:
      atOnce === 10
        ? [
            BARE_AMQPLIB,
            JOURNALLED.threads,
            JOURNALLED.coprocesses,
            'coprocess!',
            'python!',
            'module! process',
          ]
        : 'none',
  };
}

function targets(): Target[] {
  const least = { 'module! none': 0.85, 'module! thread': 0.7, 'coprocess!': 0.65, 'python!': 0.65 };
  return Object.entries(least).map(([subject, share]) => ({
    subject,
    figure: 'rate',
    against: BARE_AMQPLIB,
    least: share,
  }));
}

/** What each way is of its own ceiling: shown, with no bound. */
function ceilings(): Target[] {
  const ways = { 'module! none': 'here', 'module! thread': 'threads', 'coprocess!': 'coprocesses' } as const;
  return Object.entries(ways).map(([subject, way]) => ({
    subject,
    figure: 'rate',
    against: JOURNALLED[way],
  }));
}

import { fileURLToPath } from 'node:url';
import type { Case, Subject } from '../comparison.ts';
import { drain } from '../subjects/drain.ts';
import { METER } from '../subjects/loop-meter.ts';
import { type NoopRunner, noopRunners, type RbitOptions, startRbit, COLD_START } from '../subjects/rbit.ts';

const BIG_HEAP = fileURLToPath(new URL('../programs/big-heap.mjs', import.meta.url));
const AT_ONCE = 8;
/** With fewer V8 still compiles the daemon while it is measured. */
const JOBS = 10_000;
const BESIDE = 'shell!, 300 MB beside';
const BY_SPAWN = 'shell!, by spawn';
const NOTHING = 'module! none';

/** What short commands do to the daemon's event loop, and what a large heap does to them. */
export const eventLoop: Case = {
  name: 'event-loop',
  about: `the command true, ${AT_ONCE} at once, in a daemon whose event loop is measured, and with a heap that is 300 MB larger`,
  quick: [BESIDE],
  figures: ['rate', 'busy', 'loopCpu', 'lateness', 'cpu', 'rss'],
  base: 'shell!',
  subjects: [
    measured('shell!', 'shell!'),
    measured(BESIDE, 'shell!', (queue) => ({
      mappings: [`${queue}.second:big`],
      more: `[runner:big]\nrunner = module!${BIG_HEAP}\nisolation = none`,
    })),
    measured(BY_SPAWN, 'shell!', () => COLD_START),
    measured(NOTHING, 'module! none'),
  ],
  targets: [
    { subject: BESIDE, figure: 'rate', against: 'shell!', least: 0.9 },
    // What is left then is what starting a command takes. Of the loop's own time: it also counts as busy while the commands,
    // the broker and the requester have its processor, which they do for most of the time when there are two.
    { subject: 'shell!', figure: 'loopCpu', against: BY_SPAWN, minus: NOTHING, most: 0.1 },
  ],
};

function measured(
  name: string,
  runner: NoopRunner,
  options: (queue: string) => RbitOptions = () => ({}),
): Subject {
  return {
    name,
    isOurs: true,
    run: (stage) =>
      drain(
        stage,
        (_stage, place) => {
          const more = options(place.queue);
          const nodeArgs = [...METER, ...(more.nodeArgs ?? [])];
          return startRbit(stage, place, noopRunners[runner](), { ...more, nodeArgs, ipc: true });
        },
        { jobs: stage.jobs(JOBS), atOnce: AT_ONCE, hasLoopMeter: true },
      ),
  };
}

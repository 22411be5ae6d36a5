import type { Case, Subject, Target } from '../comparison.ts';
import { drainEmbedded, runBareSqlite } from '../subjects/embedded.ts';

const BARE_SQLITE = 'bare SQLite';
/** Fewer are done before anybody has looked. */
const FEWEST_JOBS = 1000;

/** The embedded queue beside what the same transactions cost without a daemon. */
export function embedded(atOnce: 1 | 10 | 100): Case {
  const jobs = { 1: 6000, 10: 40_000, 100: 60_000 }[atOnce];
  const fast: Target[] = atOnce === 100 ? [{ subject: 'module! none', figure: 'rate', least: 8000 }] : [];
  return {
    name: `embedded-${atOnce}`,
    about: `jobs that do nothing, each with its two replies, from a full embedded queue, ${atOnce} at once`,
    figures: ['rate', 'cpu', 'rss'],
    base: BARE_SQLITE,
    subjects: [
      {
        name: BARE_SQLITE,
        run: (stage) => runBareSqlite(stage, { jobs: stage.jobs(jobs, FEWEST_JOBS), atOnce }),
      },
      ...(['module! none', 'module! thread'] as const).map(
        (name): Subject => ({
          name,
          isOurs: true,
          run: (stage) => drainEmbedded(stage, name, { jobs: stage.jobs(jobs, FEWEST_JOBS), atOnce }),
        }),
      ),
    ],
    targets: [{ subject: 'module! none', figure: 'rate', against: BARE_SQLITE, least: 0.5 }, ...fast],
    quick: atOnce === 10 ? [BARE_SQLITE, 'module! none'] : 'none',
  };
}

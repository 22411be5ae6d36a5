import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface Arguments {
  readonly rounds: number;
  /** Names of cases, or how they begin; none: all but the long ones. */
  readonly only: readonly string[];
  /** How the names of subjects begin; none: all. What they are compared with always runs. */
  readonly subjects: readonly string[];
  readonly isQuick: boolean;
  readonly isLong: boolean;
  readonly hasPeers: boolean;
  readonly json: string | undefined;
  readonly url: string | undefined;
  readonly against: string | undefined;
  readonly seed: number;
  /** Of the usual numbers of jobs. */
  readonly share: number;
}

export const USAGE = `usage: npm run bench [-- OPTION…]

  --only CASE[,CASE…]   only these cases, or those whose names begin so (--list shows them)
  --subjects NAME[,…]   only these subjects beside what they are compared with ("module! thread", python)
  --rounds N            how often each subject runs (5)
  --peers               amqp-consume and a pika worker besides, where they are installed
  --long                the cases that take many minutes besides
  --quick               one round of few jobs: shows that everything still runs, and no figures worth reading
  --share N             so many times the usual number of jobs (1): less on a slow machine, more for steadier figures
  --against DIR         everything of ours a second time, by another dist and package.json that are in this folder
  --url URL             a RabbitMQ that runs already, instead of a private one
  --json FILE           all samples, ratios and targets
  --seed N              of the order in which subjects take turns
  --list                the names of the cases
`;

/** Reads the command line; `undefined` where only the list of cases is asked for. Ends the process on a mistake. */
export function readArguments(): Arguments | undefined {
  const { values } = parse();
  if (values.help === true) end(0, USAGE);
  if (values.list === true) return undefined;
  const rounds = Number(values.rounds ?? (values.quick === true ? 1 : 5));
  if (!Number.isSafeInteger(rounds) || rounds < 1)
    end(64, `--rounds ${values.rounds}: not a number of rounds\n`);
  const share = Number(values.share ?? (values.quick === true ? 0.01 : 1));
  if (!(share > 0)) end(64, `--share ${values.share}: not a number above 0\n`);
  return {
    rounds,
    share,
    only: split(values.only),
    subjects: split(values.subjects),
    isQuick: values.quick === true,
    isLong: values.long === true,
    hasPeers: values.peers === true,
    json: values.json,
    url: values.url,
    against: values.against,
    seed: Number(values.seed ?? Date.now() % 100_000),
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        subjects: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        seed: { type: 'string' },
        share: { type: 'string' },
        json: { type: 'string' },
        url: { type: 'string' },
        against: { type: 'string' },
        quick: { type: 'boolean' },
        long: { type: 'boolean' },
        peers: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    return end(64, `${(error as Error).message.split('\n')[0]}\n\n${USAGE}`);
  }
}

function split(texts: readonly string[] | undefined): string[] {
  return (texts ?? [])
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

function end(status: number, text: string): never {
  (status === 0 ? process.stdout : process.stderr).write(text);
  process.exit(status);
}

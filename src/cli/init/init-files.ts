import { readFileSync } from 'node:fs';
import { instanceUnit, projectUnit } from './unit.ts';

/** A file that `init` writes; `path` is relative to its folder. */
export interface InitFile {
  readonly path: string;
  readonly text: string;
}

/** What has to be known of a folder to write its files: all paths are absolute. */
export interface InitPlace {
  readonly folder: string;
  /** This Node.js and this rbit-ts, as two words of a command line. */
  readonly command: readonly [node: string, script: string];
  /** Whoever is to run the service. */
  readonly user: string;
}

/** The file that commands find when they are called in the folder. */
export const CONFIG = 'rbit.ini';

/** All that `init` writes: a configuration, a runner in TypeScript and one in shell, and two units for systemd. */
export function initFiles(place: InitPlace): InitFile[] {
  const name = wordFor(place.folder);
  return [
    { path: CONFIG, text: iniText(name) },
    shippedRunner('hello.ts'),
    shippedRunner('word-count.sh'),
    { path: 'rbit-ts.service', text: projectUnit({ ...place, name, config: `${place.folder}/${CONFIG}` }) },
    { path: 'rbit-ts@.service', text: instanceUnit(place) },
  ];
}

/** The runners that come with rbit-ts are the examples to begin with. */
function shippedRunner(name: string): InitFile {
  const text = readFileSync(new URL(`../../../runners/${name}`, import.meta.url), 'utf8');
  return { path: `runners/${name}`, text };
}

const LONGEST_NAME = 60;

/** The folder's name as a word that needs no quoting anywhere. */
function wordFor(folder: string): string {
  const words = folder
    .slice(folder.lastIndexOf('/') + 1)
    .replaceAll(/[^\w.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return words.slice(0, LONGEST_NAME) || 'rbit';
}

function iniText(name: string): string {
  return `# Which queue is worked by which runner. rbit-ts check reads it and says what it finds;
# rbit.example.ini, which comes with rbit-ts, has every key there is.

[rbit]
# Name of this daemon, on its connections to a broker.
name = ${name}

# What is to survive a restart lies beside this file, so that the daemon, the service and every command that is
# given this file have the same queues. It is no business of version control. Not on a network drive.
state-dir = state

# QUEUE:RUNNER pairs.
queue-mappings =
    hello:hello
    words:word-count


# The queues are a file on this machine. When one machine is not enough, they move to RabbitMQ:
# [amqp]
# url = amqp://guest:guest@localhost
# exchange = ${name}


# A function in TypeScript; what it throws or returns is the job's end.
[runner:hello]
runner = module!runners/hello.ts
required = parameters.name
timeout = 1m
# A setting of the runner's own.
greeting = Hello


# Any command. %{parameters.text} is handed over as one argument, whatever is in it.
[runner:word-count]
runner = shell!sh runners/word-count.sh %{parameters.text}
timeout = 1m
`;
}

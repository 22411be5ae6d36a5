import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Rabbitmq, startRabbitmq } from '../test/support/rabbitmq.ts';

/** The tree that the benchmark itself is part of. */
export const TREE = fileURLToPath(new URL('..', import.meta.url));

/** A RabbitMQ that subjects share. */
export interface SharedBroker {
  readonly url: string;
  /** Undefined of one that was not started here. */
  readonly pid: number | undefined;
}

/** What all runs have in common. */
export interface Stage {
  /** The command line of the rbit-ts that is measured, a copy that no build replaces meanwhile. */
  readonly cli: string;
  /** Nobody reads the figures. */
  readonly isQuick: boolean;
  /** How many jobs to take where so many are usual. */
  jobs(usual: number, fewest?: number): number;
  /** Started when it is first asked for. */
  rabbitmq(): Promise<SharedBroker>;
  /** Calls `use` with a folder that is there only for it. */
  inFolder<T>(use: (folder: string) => Promise<T>): Promise<T>;
}

export interface StageOptions {
  readonly isQuick: boolean;
  /** Of the usual numbers of jobs. */
  readonly share: number;
  /** Of a RabbitMQ that runs already. */
  readonly url: string | undefined;
  /** A folder with another `dist` and its package.json. */
  readonly against: string | undefined;
}

const FEWEST_JOBS = 100;

/**
 * Prepares the stage, and the same with the other build. `close` ends RabbitMQ; files are removed when this process ends,
 * however it does.
 */
export function openStage(options: StageOptions): {
  stage: Stage;
  other: Stage | undefined;
  close: () => Promise<void>;
} {
  let rabbitmq: Promise<Rabbitmq> | undefined;
  const files = mkdtempSync(join(tmpdir(), 'rbit-bench-'));
  const builds = join(TREE, 'node_modules/.cache', `rbit-bench-${process.pid}`);
  process.on('exit', () => {
    for (const folder of [files, builds]) rmSync(folder, { recursive: true, force: true });
  });
  const stage: Stage = {
    cli: copyBuild(TREE, join(builds, 'own')),
    isQuick: options.isQuick,
    jobs: (usual, fewest = FEWEST_JOBS) =>
      Math.max(Math.min(usual, fewest), Math.round(usual * options.share)),
    async rabbitmq() {
      if (options.url !== undefined) return { url: options.url, pid: undefined };
      rabbitmq ??= startRabbitmq();
      return rabbitmq;
    },
    async inFolder(use) {
      const folder = await mkdtemp(join(files, 'run-'));
      try {
        return await use(folder);
      } finally {
        await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      }
    },
  };
  return {
    stage,
    other:
      options.against === undefined
        ? undefined
        : { ...stage, cli: copyBuild(options.against, join(builds, 'other')) },
    async close() {
      await (await rabbitmq)?.stop();
    },
  };
}

/** Copies what was built to where Node finds the packages of this tree; returns the path of its command line. */
function copyBuild(from: string, folder: string): string {
  const built = join(from, 'dist/cli/bin.js');
  if (!existsSync(built)) throw new Error(`${built} is not there: run npm run build in ${from} first`);
  cpSync(join(from, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(from, 'package.json'), join(folder, 'package.json'));
  return join(folder, 'dist/cli/bin.js');
}

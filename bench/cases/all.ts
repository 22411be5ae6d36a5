import type { Case } from '../comparison.ts';
import type { findPeers } from '../subjects/peers.ts';
import { dropped } from './dropped.ts';
import { embedded } from './embedded.ts';
import { eventLoop } from './event-loop.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { million } from './million.ts';
import { restart } from './restart.ts';
import { shell } from './shell.ts';
import { start } from './start.ts';
import { throughput } from './throughput.ts';

/** Every case, in the order in which they run. */
export function allCases(peers: ReturnType<typeof findPeers> | undefined): readonly Case[] {
  return [
    ...([1, 10, 100] as const).map((atOnce) => throughput(atOnce, peers?.ofModules(atOnce) ?? [])),
    latency,
    ...([1, 8] as const).map((atOnce) => shell(atOnce, peers?.ofShell ?? [])),
    eventLoop,
    ...([1, 10, 100] as const).map(embedded),
    start,
    memory,
    dropped,
    restart,
    million,
  ];
}

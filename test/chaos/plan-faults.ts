import { HOSTS, type HostName } from './queues.ts';
import { type Random, pick, weighted, whole } from './random-choice.ts';

/*
 * Faults come in three rows, which know nothing of each other, so that they also meet:
 *
 *   network   cut, delay, half-open, black-hole, refuse      of one host's cable
 *   daemon    kill (SIGKILL), deploy (SIGTERM), freeze       of one host's daemon; it is there again afterwards
 *   broker    broker-stop (in order), broker-kill (SIGKILL)
 */

export type FaultKind =
  | 'cut'
  | 'delay'
  | 'half-open'
  | 'black-hole'
  | 'refuse'
  | 'kill'
  | 'deploy'
  | 'freeze'
  | 'broker-stop'
  | 'broker-kill';

/** A fault that will be; times count from the start of the campaign. */
export interface PlannedFault {
  readonly kind: FaultKind;
  readonly host: HostName | 'broker';
  /** A connection by the text of its name, a direction, or milliseconds of delay; '' for all of it. */
  readonly detail: string;
  readonly atMs: number;
  /** How long it lasts; what comes back by itself (a daemon, a broker) needs its time to start beside. */
  readonly durationMs: number;
}

type Draw = (random: Random) => Omit<PlannedFault, 'atMs'>;

/** Part of the name of one of a daemon's two connections, or of both. */
const CONNECTIONS = ['', ' consume', ' publish'] as const;
/** A broker takes about this long to start. */
const BROKER_START_MS = 8000;

/** The faults of a campaign, by time. None begins in its last part, so that each has time to be one. */
export function planFaults(random: Random, forMs: number): PlannedFault[] {
  const rows = [
    planRow(random, forMs, drawNetworkFault, { firstMs: 1000, gapMs: [300, 2500] }),
    planRow(random, forMs, drawDaemonFault, { firstMs: 3000, gapMs: [1000, 5000] }),
    planRow(random, forMs, drawBrokerFault, { firstMs: 12_000, gapMs: [20_000, 45_000] }),
  ];
  return rows.flat().sort((one, other) => one.atMs - other.atMs);
}

function planRow(
  random: Random,
  forMs: number,
  draw: Draw,
  { firstMs, gapMs: [least, most] }: { firstMs: number; gapMs: readonly [number, number] },
): PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (let atMs = firstMs + whole(random, 0, 3000); ; ) {
    const fault = { ...draw(random), atMs };
    if (fault.atMs + fault.durationMs > forMs) return faults;
    faults.push(fault);
    atMs += fault.durationMs + whole(random, least, most);
    if (fault.host === 'broker') atMs += BROKER_START_MS;
  }
}

function drawNetworkFault(random: Random): Omit<PlannedFault, 'atMs'> {
  const host = pick(random, HOSTS);
  const kind = weighted(random, [
    ['cut', 4],
    ['delay', 2],
    ['half-open', 3],
    ['black-hole', 3],
    ['refuse', 2],
  ] as const);
  switch (kind) {
    case 'cut':
      return { kind, host, detail: pick(random, CONNECTIONS), durationMs: 0 };
    case 'delay':
      return { kind, host, detail: String(whole(random, 20, 700)), durationMs: whole(random, 1000, 4000) };
    case 'half-open':
      return { kind, host, detail: pick(random, ['up', 'down']), durationMs: whole(random, 1000, 7000) };
    case 'black-hole':
      return { kind, host, detail: pick(random, CONNECTIONS), durationMs: whole(random, 500, 7000) };
    case 'refuse':
      return { kind, host, detail: '', durationMs: whole(random, 300, 5000) };
  }
}

function drawDaemonFault(random: Random): Omit<PlannedFault, 'atMs'> {
  const host = pick(random, HOSTS);
  const kind = weighted(random, [
    ['kill', 5],
    ['deploy', 3],
    ['freeze', 2],
  ] as const);
  const durationMs = kind === 'freeze' ? whole(random, 500, 7000) : whole(random, 0, 2000);
  return { kind, host, detail: '', durationMs };
}

function drawBrokerFault(random: Random): Omit<PlannedFault, 'atMs'> {
  const kind = weighted(random, [
    ['broker-stop', 3],
    ['broker-kill', 2],
  ] as const);
  return { kind, host: 'broker', detail: '', durationMs: whole(random, 0, 3000) };
}

/** The row that a fault belongs to. */
export function rowOf(kind: FaultKind): 'network' | 'daemon' | 'broker' {
  switch (kind) {
    case 'cut':
    case 'delay':
    case 'half-open':
    case 'black-hole':
    case 'refuse':
      return 'network';
    case 'kill':
    case 'deploy':
    case 'freeze':
      return 'daemon';
    case 'broker-stop':
    case 'broker-kill':
      return 'broker';
  }
}

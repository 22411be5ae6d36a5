import { setTimeout as wait } from 'node:timers/promises';
import type { Rabbitmq } from '../support/rabbitmq.ts';
import type { Host } from './host.ts';
import type { FaultKind, PlannedFault } from './plan-faults.ts';
import type { HostName } from './queues.ts';

/** A fault as it was; times are milliseconds since 1970. `toMs` is Infinity for one that goes on. */
export interface FaultRecord {
  readonly kind: FaultKind;
  readonly host: HostName | 'broker';
  readonly detail: string;
  readonly fromMs: number;
  toMs: number;
}

/** What faults happen to. */
export interface Victims {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly rabbitmq: Rabbitmq;
}

/**
 * Carries out one fault and mends it again; `log` gets its record when it begins. An aborted `signal` mends it at once.
 * One row's faults of a host never overlap, so that none mends another's.
 */
export async function carryOut(
  fault: PlannedFault,
  victims: Victims,
  log: FaultRecord[],
  signal: AbortSignal,
): Promise<void> {
  const { kind, host, detail } = fault;
  const record: FaultRecord = { kind, host, detail, fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY };
  log.push(record);
  const lasting = (): Promise<unknown> => wait(fault.durationMs, undefined, { signal }).catch(() => {});
  try {
    if (host === 'broker') await harmBroker(fault, victims.rabbitmq, lasting);
    else await harmHost(fault, hostOf(victims, host), lasting);
  } finally {
    record.toMs = Date.now();
  }
}

async function harmBroker(
  { kind }: PlannedFault,
  rabbitmq: Rabbitmq,
  lasting: () => Promise<unknown>,
): Promise<void> {
  await (kind === 'broker-kill' ? rabbitmq.kill() : rabbitmq.halt());
  await lasting();
  await rabbitmq.restart();
}

async function harmHost(
  { kind, detail }: PlannedFault,
  host: Host,
  lasting: () => Promise<unknown>,
): Promise<void> {
  const { proxy } = host;
  switch (kind) {
    case 'cut':
      proxy.cut(detail);
      break;
    case 'delay':
      proxy.delay(Number(detail));
      await lasting();
      proxy.delay(0);
      break;
    case 'half-open':
      proxy.halfOpen(detail === 'up' ? 'up' : 'down');
      await lasting();
      proxy.resume();
      break;
    case 'black-hole':
      proxy.blackHole(detail === '' ? undefined : detail);
      await lasting();
      proxy.resume();
      break;
    case 'refuse':
      proxy.refuse();
      await lasting();
      proxy.resume();
      break;
    case 'kill':
    case 'deploy':
      await (kind === 'kill' ? host.kill() : host.stop());
      await lasting();
      host.start();
      break;
    case 'freeze':
      host.freeze();
      await lasting();
      host.thaw();
      break;
    case 'broker-stop':
    case 'broker-kill':
      throw new RangeError(`${kind} happens to no host`);
  }
}

function hostOf({ hosts }: Victims, name: HostName): Host {
  const host = hosts.get(name);
  if (host === undefined) throw new RangeError(`there is no host ${name}`);
  return host;
}

import type { QueueStatus } from '../job/status.ts';

/** How one mapped queue is at the moment: as `status` tells it, but for what only the broker can count. */
export type QueueIntake = Pick<QueueStatus, 'queue' | 'runner' | 'state' | 'by' | 'reason'>;

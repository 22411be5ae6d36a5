/** The hosts of a campaign: a daemon each, with a name, a state folder and a cable of its own. */
export const HOSTS = ['a', 'b', 'c'] as const;
export type HostName = (typeof HOSTS)[number];

/** What is sent to a queue: jobs of every kind, short ones, ones that never end by themselves, or releases. */
export type Diet = 'all' | 'short' | 'endless' | 'releases';

/** One queue of the campaign and how it is worked. */
export interface CampaignQueue {
  readonly name: string;
  readonly type: 'classic' | 'quorum';
  readonly processor: 'module' | 'shell';
  readonly concurrency: number;
  /**
   * Who works it. Where it is one host, nothing may be done twice but what was running when its daemon was ended;
   * among several a message that a host has lost may go to another, which cannot know what became of it.
   */
  readonly hosts: readonly HostName[];
  readonly diet: Diet;
  /** Share of the jobs that it gets. */
  readonly weight: number;
  readonly ack?: 'receipt';
}

const QUEUES: readonly CampaignQueue[] = [
  queue('shared.module', 'classic', 'module', 4, HOSTS, 'all', 5),
  queue('shared.shell', 'quorum', 'shell', 4, HOSTS, 'all', 4),
  queue('shared.single', 'quorum', 'module', 1, ['a', 'b'], 'short', 2),
  queue('shared.endless', 'classic', 'shell', 4, HOSTS, 'endless', 0.3),
  queue('own.module', 'quorum', 'module', 4, ['a'], 'all', 4),
  queue('own.shell', 'classic', 'shell', 4, ['b'], 'all', 3),
  queue('own.single', 'classic', 'shell', 1, ['c'], 'short', 1),
  queue('own.endless', 'quorum', 'shell', 2, ['c'], 'endless', 0.2),
  queue('own.steps', 'quorum', 'module', 1, ['c'], 'releases', 1),
  queue('shared.steps', 'classic', 'module', 2, HOSTS, 'releases', 1),
];

const RECEIPT: CampaignQueue = {
  ...queue('own.receipt', 'classic', 'module', 2, ['b'], 'short', 2),
  ack: 'receipt',
};

/** The queues of a campaign; one more when the daemon can acknowledge at the receipt. */
export function campaignQueues(withReceipt: boolean): readonly CampaignQueue[] {
  return withReceipt ? [...QUEUES, RECEIPT] : QUEUES;
}

/** Where requesters wait, by type: replies come through both. */
export const REPLY_QUEUES = { classic: 'replies.classic', quorum: 'replies.quorum' } as const;

function queue(
  name: string,
  type: CampaignQueue['type'],
  processor: CampaignQueue['processor'],
  concurrency: number,
  hosts: CampaignQueue['hosts'],
  diet: Diet,
  weight: number,
): CampaignQueue {
  return { name, type, processor, concurrency, hosts, diet, weight };
}

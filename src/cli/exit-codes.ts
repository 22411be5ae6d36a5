/** Exit statuses that people script against; the numbers are those of sysexits.h where it has one. */
export const EXIT = {
  ok: 0,
  jobFailed: 1,
  /** There is nothing by that name. */
  notFound: 1,
  usage: 64,
  brokerUnusable: 69,
  /** No daemon runs, or one that does cannot be asked. */
  noDaemon: 69,
  bug: 70,
  /** Standard output cannot be written, so what it was to say is lost. */
  outputLost: 74,
  /** No answer in time, or not now: trying again later may help. */
  tempFail: 75,
  badConfig: 78,
} as const;

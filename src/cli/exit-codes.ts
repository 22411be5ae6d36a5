/** Exit statuses that people script against; the numbers are those of sysexits.h where it has one. */
export const EXIT = {
  ok: 0,
  brokerUnusable: 69,
  bug: 70,
  badConfig: 78,
} as const;

// A runner whose module keeps 300 MB of JavaScript objects in the daemon's heap.
const FIELDS_IN_KIBIBYTE = 128;
export const kept = Array.from({ length: 300 * 1024 }, (_, index) =>
  Array.from({ length: FIELDS_IN_KIBIBYTE }).fill(index),
);

export default async function run() {}

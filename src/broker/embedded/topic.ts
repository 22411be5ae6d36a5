/** Whether a topic exchange's pattern takes a routing key: `*` stands for one word, `#` for any number of them, also none. */
export function topicMatches(pattern: string, routingKey: string): boolean {
  return wordsMatch(pattern.split('.'), routingKey.split('.'));
}

/** Of the patterns' tails so far, which still match: one pass over the key, so that no pattern can make it slow. */
function wordsMatch(pattern: readonly string[], words: readonly string[]): boolean {
  let reached = pastHashes(pattern, new Set([0]));
  for (const word of words) {
    const next = new Set<number>();
    for (const at of reached) {
      if (pattern[at] === '#') next.add(at);
      else if (pattern[at] === '*' || pattern[at] === word) next.add(at + 1);
    }
    reached = pastHashes(pattern, next);
  }
  return reached.has(pattern.length);
}

/** `#` may stand for no word at all. */
function pastHashes(pattern: readonly string[], reached: ReadonlySet<number>): Set<number> {
  const all = new Set(reached);
  for (const at of all) if (pattern[at] === '#') all.add(at + 1);
  return all;
}

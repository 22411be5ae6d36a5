/**
 * Makes the test of `reply-to-allow`: `*` in a pattern stands for any characters; no pattern at all allows every
 * reply queue.
 */
export function replyFilter(patterns: readonly string[]): (replyTo: string) => boolean {
  if (patterns.length === 0) return () => true;
  return (replyTo) => patterns.some((pattern) => matches(replyTo, pattern.split('*')));
}

// By plain search rather than a regular expression: the text is hostile, and this takes no longer than it is long.
function matches(text: string, [head = '', ...rest]: readonly string[]): boolean {
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  if (!text.startsWith(head)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}

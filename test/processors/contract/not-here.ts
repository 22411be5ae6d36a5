const BETWEEN = ' (not here: ';

/** The title of a rule that a processor cannot show. */
export function notHere(title: string, reason: string): string {
  return `${title}${BETWEEN}${reason})`;
}

/** The rule's own title, and why it is not shown, if it is not. */
export function readTitle(title: string): { readonly rule: string; readonly reason: string | undefined } {
  const at = title.indexOf(BETWEEN);
  return at === -1
    ? { rule: title, reason: undefined }
    : { rule: title.slice(0, at), reason: title.slice(at + BETWEEN.length, -1) };
}

/** A word without its quotes. What a quoted `$` or a backslash would mean does not matter for an option or a name. */
export function plain(word: string): string {
  return word.replace(/["'\\]/g, '');
}

/** A command's name without its folder. */
export function nameOf(word: string): string {
  return plain(word).replace(/^.*\//s, '');
}

/**
 * The place of the first word that is no option. `valued`: options that take the next word for their value. To the GNU
 * tools a lone dash is an option.
 */
export function afterOptions(words: readonly string[], valued: RegExp, option = /^-/): number {
  let at = 0;
  for (; at < words.length; at++) {
    const word = plain(words[at] ?? '');
    if (word === '--') return at + 1;
    if (!option.test(word)) return at;
    if (valued.test(word)) at++;
  }
  return at;
}

/* Control characters, and what turns the direction of writing around: none of them may act on the page, and all are shown. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const PICTURES = 0x2400;

/** A text of somebody else's with everything in it to be seen; line ends and tabs stay. */
export function visible(text) {
  return text.replace(UNSEEN, (sign) => {
    const code = sign.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(PICTURES + code);
    return code === 0x7f ? '\u2421' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** As `visible`, in one line. */
export function visibleLine(text) {
  return visible(text.replace(/[\n\t]+/g, ' '));
}

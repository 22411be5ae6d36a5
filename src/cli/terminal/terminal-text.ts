import { stripVTControlCharacters } from 'node:util';

const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const CONTROLS_BUT_TABS = /(?!\t)[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const REPLACEMENT = '\u{fffd}';

/** Text of a job or a message that can be shown: colours are left out, what else could move a cursor becomes U+FFFD. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text).replaceAll(CONTROLS_BUT_TABS, REPLACEMENT);
}

/** As `harmless`, in one line: line breaks are shown as `\n`, tabs as a space. */
export function oneLine(text: string): string {
  const line = text.trimEnd().replaceAll(/\r?\n/g, String.raw`\n`);
  return stripVTControlCharacters(line).replaceAll('\t', ' ').replaceAll(CONTROLS, REPLACEMENT);
}

/** JSON in one line with nothing in it that a terminal could act on: JSON itself escapes only the first 32 characters. */
export function harmlessJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replaceAll(CONTROLS, escapeUnits);
}

function escapeUnits(character: string): string {
  return character
    .split('')
    .map((unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/** Cuts text (without control characters) to so many columns, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let room = columns - 1;
  let kept = '';
  for (const segment of charactersOf(text.slice(0, columns * LONGEST_CHARACTER))) {
    room -= widthOfOne(segment);
    if (room < 0) break;
    kept += segment;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** How many columns a terminal needs for a text without control characters. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const segment of charactersOf(text)) width += widthOfOne(segment);
  return width;
}

const ASCII = /^[ -~]*$/;
/** In UTF-16 units, with marks and joiners; what is longer is cut early. */
const LONGEST_CHARACTER = 16;
/** Made when it is needed: it takes 10 ms and 6 MB, and a daemon shows nothing on a terminal. */
let segmenter: Intl.Segmenter | undefined;
const NARROW_NOTHING = /^[\p{Mn}\p{Me}]+$/u;
/** Of East Asian width "wide", as far as whole blocks have it, and what is shown as a picture. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

function widthOfOne(character: string): number {
  if (NARROW_NOTHING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** As a person counts them: with their marks and joiners. */
function charactersOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter();
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

import { distance } from 'fastest-levenshtein';

/** The candidate that `name` was most likely meant to be, if any is near: other signs between the words, other case, a few typos. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  return closest(name, candidates, (length) => Math.max(2, Math.floor(length / 3)));
}

/** As `nearest`, but only where a misspelling is far more likely than a name of its own. */
export function misspelling(name: string, candidates: Iterable<string>): string | undefined {
  return closest(name, candidates, (length) => (length < 5 ? 0 : length < 7 ? 1 : 2));
}

function closest(
  name: string,
  candidates: Iterable<string>,
  tolerance: (length: number) => number,
): string | undefined {
  let best: { candidate: string; typos: number } | undefined;
  for (const candidate of candidates) {
    const typos = countTypos(bare(name), bare(candidate));
    // A name of two letters is two typos away from any other.
    const allowed = Math.min(tolerance(candidate.length), Math.floor(candidate.length / 2));
    if (typos <= allowed && typos < (best?.typos ?? Number.POSITIVE_INFINITY)) best = { candidate, typos };
  }
  return best?.candidate;
}

// Letters that changed places are one typo, however many edits it takes to put them right.
function countTypos(name: string, candidate: string): number {
  if (name === candidate) return 0;
  return sorted(name) === sorted(candidate) ? 1 : distance(name, candidate);
}

function sorted(text: string): string {
  return text.split('').sort().join('');
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[\s._:-]+/g, '');
}

/** `did you mean X?` for the nearest candidate, else `otherwise`. */
export function didYouMean(name: string, candidates: Iterable<string>, otherwise: string): string {
  const near = nearest(name, candidates);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}

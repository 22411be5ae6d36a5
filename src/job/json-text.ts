/*
 * Parts of a JSON text as they are written there. JSON.parse has taken the text before; of any other, what is found
 * means nothing. Nothing here recurses, and a text is walked through once for each part: it may have many megabytes.
 */

/** The text of the value at a path, as JSON.parse finds it: of equal keys the last counts. Undefined when there is none. */
export function textAt(json: string, path: readonly string[]): string | undefined {
  let at = endOf(SPACE, json, 0);
  for (const key of path) {
    const found = json[at] === '[' ? findItem(json, at, key) : findMember(json, at, key);
    if (found === undefined) return undefined;
    at = found;
  }
  return json.slice(at, endOfValue(json, at));
}

/** Also what separates one value from the next. */
const SPACE = /[\s,:]*/y;
const NUMBER_OR_WORD = /[\w.+-]*/y;

function endOf(pattern: RegExp, json: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(json) ? pattern.lastIndex : at;
}

function findItem(json: string, list: number, wanted: string): number | undefined {
  if (!/^\d+$/.test(wanted)) return undefined;
  let at = endOf(SPACE, json, list + 1);
  for (let index = 0; index < Number(wanted) && isValue(json, at); index++)
    at = endOf(SPACE, json, endOfValue(json, at));
  return isValue(json, at) ? at : undefined;
}

function findMember(json: string, object: number, wanted: string): number | undefined {
  let found: number | undefined;
  for (let at = endOf(SPACE, json, object + 1); json[at] === '"'; ) {
    const end = endOfText(json, at);
    const value = endOf(SPACE, json, end);
    if (JSON.parse(json.slice(at, end)) === wanted) found = value;
    at = endOf(SPACE, json, endOfValue(json, value));
  }
  return found;
}

function isValue(json: string, at: number): boolean {
  return at < json.length && json[at] !== ']';
}

function endOfValue(json: string, at: number): number {
  if (json[at] === '"') return endOfText(json, at);
  if (json[at] !== '[' && json[at] !== '{') return endOf(NUMBER_OR_WORD, json, at);
  let depth = 0;
  for (let index = at; index < json.length; index++) {
    const character = json[index];
    if (character === '"') index = endOfText(json, index) - 1;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth === 0) return index + 1;
  }
  return json.length;
}

function endOfText(json: string, quote: number): number {
  let at = quote + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

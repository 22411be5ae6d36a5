/**
 * Masks a text that may be JSON, which it then still is: a number that was a secret, or had one in it, becomes the text
 * `***`. Where even that would not be JSON, the masked text is the only member of an object.
 */
export function maskJson(text: string, mask: (text: string) => string): string {
  const masked = mask(text);
  if (masked === text || isJson(masked) || !isJson(text)) return masked;
  const quoted = masked.replace(STRING_OR_MASKED, (found) => (found.startsWith('"') ? found : '"***"'));
  return isJson(quoted) ? quoted : JSON.stringify({ masked });
}

const STRING_OR_MASKED = /"(?:[^"\\]|\\.)*"|[^\s",:[\]{}]*\*\*\*[^\s",:[\]{}]*/g;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

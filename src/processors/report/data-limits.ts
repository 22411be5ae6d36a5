/** Of the JSON that a runner hands over: RabbitMQ 4 takes no larger message unless it is told to. */
export const LARGEST_DATA_BYTES = 16 * 1024 * 1024;

/** Of more JSON than that the numbers are JavaScript's: to read them as they are written would hold up other jobs. */
export const LARGEST_EXACT_DATA = 1024 * 1024;

/** Of the JSON that a runner hands over, too: what is nested deeper can be parsed, and then neither masked nor written again. */
export const DEEPEST_DATA = 1_000;

/** How many lists and objects lie within each other where a JSON text is deepest. */
export function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let isInText = false;
  for (let index = 0; index < json.length; index++) {
    const character = json[index];
    if (character === '"') isInText = !isInText;
    else if (isInText && character === '\\') index += 1;
    else if (isInText) continue;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}

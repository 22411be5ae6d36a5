import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether an Authorization header bears the token; takes as long for one that is nearly right as for any other. */
export function bearsToken(header: string | undefined, token: string): boolean {
  const said = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  return said !== undefined && timingSafeEqual(digestOf(said), digestOf(token));
}

/** Of one length whatever the text's. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A job of the embedded queue that asks for replies. */
export const JOB = {
  body: Buffer.from('{"parameters":{"command":"noop"}}'),
  properties: {
    contentType: 'application/json',
    correlationId: 'bench',
    messageId: 'bench',
    replyTo: 'replies',
  },
} as const;

import { expect, test } from 'vitest';
import { ackTimeoutSetter, lossText, offerAckTimeout } from '../../../src/broker/amqp/ack-timeout.ts';

test.each([
  ['3.10.8', 'broker'],
  ['3.11.28', 'broker'],
  ['3.12.0', 'queue'],
  ['3.13.7', 'queue'],
  ['4.0.1', 'queue'],
  ['4.2.4', 'queue'],
  ['4.3.0', 'consumer'],
  ['4.3.0-rc.1', 'consumer'],
  ['4.10.2', 'consumer'],
  ['5.0.0', 'consumer'],
  ['', 'broker'],
  ['unknown', 'broker'],
])('RabbitMQ %s takes the acknowledgement timeout from the %s', (version, setter) => {
  expect(ackTimeoutSetter(version)).toBe(setter);
});

function refusal(text: string): Error {
  return Object.assign(
    new Error(`Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "${text}"`),
    {
      code: 406,
    },
  );
}

test('a broker that refuses the argument is asked again without it', async () => {
  const asked: unknown[] = [];
  const result = await offerAckTimeout(7000, async (given) => {
    asked.push(given);
    if (Object.keys(given).length > 0)
      throw refusal(
        "PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' of queue type classic",
      );
    return 'made';
  });
  expect(result).toBe('made');
  expect(asked).toEqual([{ 'x-consumer-timeout': 7000 }, {}]);
});

test.each([
  ['something else', 7000, "PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q'"],
  [
    'what was not asked for',
    undefined,
    "PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q'",
  ],
])('a refusal of %s stays one', async (_what, ackTimeoutMs, text) => {
  const asked: unknown[] = [];
  const offer = offerAckTimeout(ackTimeoutMs, async (given) => {
    asked.push(given);
    throw refusal(text);
  });
  await expect(offer).rejects.toThrow(text);
  expect(asked).toHaveLength(1);
});

test('a timed-out acknowledgement is told as such, with its timeout and where to read how to have a longer one', () => {
  const words =
    'PRECONDITION_FAILED - delivery acknowledgement on channel 3 timed out. Timeout value used: 1800000 ms. ' +
    'This timeout value can be configured, see consumers doc guide to learn more';
  expect(lossText(words)).toMatch(/acknowledgement timeout of 30m; it runs on.*check --connect/);
  expect(lossText('PRECONDITION_FAILED - delivery acknowledgement on channel 3 timed out')).toMatch(
    /acknowledgement timeout; it runs on/,
  );
});

test('any other loss is told in the words of the broker', () => {
  expect(lossText("NOT_FOUND - no queue 'q' in vhost '/'")).toBe("NOT_FOUND - no queue 'q' in vhost '/'");
});

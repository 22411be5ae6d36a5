import { createAmqpBroker } from '../../../src/broker/amqp/amqp-broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { amqpOptions } from './fixture.ts';
import { describeBrokerContract } from '../contract.ts';

describeBrokerContract('RabbitMQ', async (queues) =>
  createAmqpBroker(amqpOptions(await amqpUrl(), { queues })),
);

import { randomUUID } from 'node:crypto';
import { createAmqpBroker } from '../../../src/broker/amqp/amqp-broker.ts';
import { amqpUrl } from '../../support/amqp-url.ts';
import { describeBrokerContract } from '../contract.ts';
import { amqpOptions } from './fixture.ts';

const exchange = `contract.${randomUUID()}`;

describeBrokerContract(
  'RabbitMQ',
  async (queues) => createAmqpBroker(amqpOptions(await amqpUrl(), { queues, exchange })),
  { exchange },
);

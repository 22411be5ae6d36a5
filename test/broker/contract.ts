import { describe } from 'vitest';
import { describeClosing } from './contract/closing.ts';
import { describeConsuming } from './contract/consuming.ts';
import { describeFidelity } from './contract/fidelity.ts';
import { layGround, type MakeBroker } from './contract/ground.ts';
import { describeLoad } from './contract/load.ts';
import { describePublishing } from './contract/publishing.ts';
import { describeQueues } from './contract/queues.ts';
import { describeRenewing } from './contract/renewing.ts';
import { describeRequeueing } from './contract/requeueing.ts';
import { describeSettling } from './contract/settling.ts';
import { describeTopics } from './contract/topics.ts';

/**
 * What each adapter of the broker port has to do: the specification of the port. `exchange` is the topic exchange of
 * all brokers that `makeBroker` makes.
 */
export function describeBrokerContract(
  name: string,
  makeBroker: MakeBroker,
  { exchange }: { readonly exchange: string },
): void {
  describe(`${name}, as a broker`, () => {
    const on = layGround(makeBroker, exchange);
    describePublishing(on);
    describeConsuming(on);
    describeRenewing(on);
    describeSettling(on);
    describeRequeueing(on);
    describeFidelity(on);
    describeQueues(on);
    describeTopics(on);
    describeClosing(on);
    describeLoad(on);
  });
}

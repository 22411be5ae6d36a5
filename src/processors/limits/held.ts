/** Processes that cannot leave what holds them together, neither by setsid nor by an empty environment. */
export interface Held {
  /** Those that are alive; empty when that cannot be told. */
  find(): readonly number[];
  /** Ends all of them by force, also those that are just being started. */
  kill(): void;
}

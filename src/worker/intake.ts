/** Who lets nothing new be taken, whatever else: the journal while nothing can be written down, or an operator. */
export type Holder = 'journal' | 'operator';

/** Whether jobs come, and if not, who or what keeps them away. `leaving`: their queue is not worked here any more. */
export type Intake =
  | { readonly state: 'consuming' | 'not-consumed' | 'leaving' | 'stopped' }
  | { readonly state: 'paused'; readonly by: Holder }
  | { readonly state: 'paused' | 'probing'; readonly by: 'runner'; readonly reason: string };

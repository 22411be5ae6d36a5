/** What a run's end is called here, its sign, and its tone. */
export function outcomeOf({ outcome, isFinal, disposal }) {
  if (outcome === undefined) return { name: 'running', sign: '›', tone: 'busy' };
  if (outcome === 'completed') return { name: 'completed', sign: '✓', tone: 'good' };
  if (outcome === 'failed' && (isFinal || disposal === 'dead-lettered'))
    return { name: 'failed', sign: '✕', tone: 'bad' };
  if (outcome === 'failed') return { name: 'retried', sign: '↻', tone: 'warn' };
  if (outcome === 'blocked') return { name: 'blocked', sign: '‖', tone: 'warn' };
  if (outcome === 'unavailable') return { name: 'unavailable', sign: '!', tone: 'bad' };
  return { name: outcome, sign: '↩', tone: 'quiet' };
}

/** All names, for whoever chooses among them. */
export const OUTCOMES = ['completed', 'failed', 'retried', 'blocked', 'unavailable', 'interrupted'];

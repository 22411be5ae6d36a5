const live = new Set<number>();
let isListening = false;

/**
 * A daemon that ends in a hurry (a second signal, a bug) takes along the process groups of what still runs. Returns
 * what takes this one off the list, to be called when it is over.
 */
export function endWithDaemon(group: number): () => void {
  if (!isListening) process.on('exit', killLive);
  isListening = true;
  live.add(group);
  return () => live.delete(group);
}

function killLive(): void {
  for (const group of live) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
}

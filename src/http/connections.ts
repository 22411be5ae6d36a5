/** One of the broker's connections. */
export interface ConnectionState {
  /** What it is for: one of a few words. */
  readonly purpose: string;
  /** Undefined: it works. */
  readonly trouble: string | undefined;
  /** How often it was opened again after a loss. */
  readonly reconnects: number;
}

/** What the broker has said of its connections so far. */
export interface Connections {
  wanted(purpose: string): void;
  open(purpose: string): void;
  lost(purpose: string, reason: string): void;
  /** It is there, but takes no messages; until `unblocked`, or until it is opened again. */
  blocked(purpose: string, reason: string): void;
  unblocked(purpose: string): void;
  list(): ConnectionState[];
}

interface Known {
  opened: number;
  isOpen: boolean;
  trouble: string | undefined;
}

export function createConnections(): Connections {
  const all = new Map<string, Known>();

  function get(purpose: string): Known {
    const known = all.get(purpose) ?? { opened: 0, isOpen: false, trouble: 'not connected yet' };
    all.set(purpose, known);
    return known;
  }

  return {
    wanted: (purpose) => void get(purpose),
    open(purpose) {
      const known = get(purpose);
      known.opened += 1;
      known.isOpen = true;
      known.trouble = undefined;
    },
    lost(purpose, reason) {
      const known = get(purpose);
      known.isOpen = false;
      known.trouble = `no connection: ${reason}`;
    },
    blocked(purpose, reason) {
      get(purpose).trouble = `the broker takes no messages: ${reason}`;
    },
    unblocked(purpose) {
      const known = get(purpose);
      if (known.isOpen) known.trouble = undefined;
    },
    list: () =>
      [...all].map(([purpose, { opened, trouble }]) => ({
        purpose,
        trouble,
        reconnects: Math.max(0, opened - 1),
      })),
  };
}

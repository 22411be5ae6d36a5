const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** A duration as one would say it: `3 ms`, `1.4 s`, `12 s`, `3m 05s`, `2h 10m`. */
export function duration(ms) {
  if (ms < 0.95) return ms <= 0 ? '0 ms' : '< 1 ms';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 59_500) return `${Math.round(ms / 1_000)} s`;
  return inTwoUnits(Math.round(ms / 1_000) * 1_000);
}

/** How long ago, in whole seconds and above. */
export function ago(ms) {
  return ms < 1_500 ? 'just now' : `${inWhole(ms)} ago`;
}

/** As `duration`, without parts of a second: for what is counted up. */
export function inWhole(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : inTwoUnits(seconds * 1_000);
}

/** A rate as one would say it: `0.03`, `1.5`, `240`, `10,000`. */
export function rate(perSecond) {
  if (perSecond === 0) return '0';
  if (perSecond < 0.995) return perSecond.toPrecision(1);
  return perSecond < 9.95 ? perSecond.toFixed(1) : number(Math.round(perSecond));
}

export function number(value) {
  return value.toLocaleString('en');
}

/** The clock here, with seconds. */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour12: false });
}

export function dateAndClock(ms) {
  return `${new Date(ms).toLocaleDateString('sv')} ${clock(ms)}`;
}

function inTwoUnits(ms) {
  const index = Math.max(
    0,
    UNITS.findIndex(([, size]) => ms >= size),
  );
  const [[unit, size], [smaller, smallerSize] = ['', 1]] = UNITS.slice(index);
  const rest = Math.floor((ms % size) / smallerSize);
  return `${Math.floor(ms / size)}${unit}${rest > 0 ? ` ${String(rest).padStart(2, '0')}${smaller}` : ''}`;
}

/**
 * The part of a run's jobs that is not measured. V8 compiles a daemon's code while its first ten to twenty thousand jobs
 * run; where many at once make so many affordable, what is measured is a daemon that has been up for a while. `start` measures
 * the first job.
 */
export const WARM_UP_SHARE = 0.5;

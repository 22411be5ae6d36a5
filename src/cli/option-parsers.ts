import { InvalidArgumentError } from 'commander';
import { duration, integer, type ValueType } from '../config/values.ts';

/** Reads a duration of the command line as the INI file would: milliseconds. */
export const parseDurationOption = optionParser(duration(1));

/** Reads a whole number from 1 on. */
export const parseCountOption = optionParser(integer(1, 10_000_000));

function optionParser<T>(type: ValueType<T>): (written: string) => T {
  return (written) => {
    const parsed = type.parse(written, '');
    if (!parsed.ok) throw new InvalidArgumentError(`${parsed.message} (${parsed.fix})`);
    return parsed.value;
  };
}

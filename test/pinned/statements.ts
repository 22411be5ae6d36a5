/** A piece of a source file that can be taken out on its own: lines `from` to `to`, counted from 1, both included. */
export interface Statement {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * The statements inside the functions of a formatted TypeScript file, outer ones before those that are in them. A line
 * that begins a statement is told by its indentation: formatted code has every statement on lines of its own.
 */
export function statementsOf(source: string): Statement[] {
  const lines = source.split('\n');
  const found: Statement[] = [];
  lines.forEach((line, index) => {
    if (!/^ {2,}[^\s*/})\]]/.test(line) || isClause(line)) return;
    const to = endOf(lines, index);
    if (to !== undefined) found.push({ from: index + 1, to: to + 1, text: line.trim() });
  });
  return found.filter(({ from }) => isInFunction(lines, from - 1));
}

/** `else`, `case` and the like belong to the statement that they are in. */
function isClause(line: string): boolean {
  return /^\s*(?:else\b|catch\b|finally\b|case\b|default:|\w+[?]?:|readonly\b|[.?:&|]|\.\.\.|\w+,?$|\w+\($)/.test(
    line,
  );
}

/** The line on which what begins at `start` ends: the first at its indentation or below that closes it. */
function endOf(lines: readonly string[], start: number): number | undefined {
  let open = 0;
  for (let at = start; at < lines.length; at += 1) {
    const text = (lines[at] ?? '').replace(/'[^']*'|`[^`]*`|\/\/.*$/g, '');
    open += (text.match(/[({[]/g) ?? []).length - (text.match(/[)}\]]/g) ?? []).length;
    if (open < 0) return undefined;
    const goesOn = /^\s*else\b/.test(lines[at + 1] ?? '');
    if (open === 0 && /[;}]$/.test(text) && !goesOn) return at;
  }
  return undefined;
}

/** Parameters and the members of types and objects look like statements, but are in no function's body. */
function isInFunction(lines: readonly string[], index: number): boolean {
  const indent = (lines[index] ?? '').search(/\S/);
  for (let at = index - 1; at >= 0; at -= 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '' || line.search(/\S/) >= indent) continue;
    return (
      /(?:\{|:|=>)$/.test(line) && !/^(?:export )?(?:interface|type)\b|(?:=|\() \{$|^\s*return \{$/.test(line)
    );
  }
  return false;
}

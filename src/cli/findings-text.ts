/** Findings as people read them. */
import type { Finding, Severity } from '../formats/format.js';
import { countBySeverity } from '../state/index.js';
import type { Style } from './style.js';

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note'];

/** Findings of one rule beyond this many are counted, unless all are asked for. */
const OF_ONE_RULE = 6;

/** Each finding: what it is and where, then what it says. */
export function* findingsText(
  findings: readonly Finding[],
  style: Style,
  columns: number,
  all: boolean,
): Generator<string> {
  const told = new Map<string, number>();
  for (const finding of findings) {
    const count = (told.get(finding.rule) ?? 0) + 1;
    told.set(finding.rule, count);
    if (!all && count > OF_ONE_RULE) continue;
    yield titleText(finding, style);
    for (const line of wrap(finding.message, columns - 9)) yield `         ${line}`;
  }
  if (all) return;
  for (const [rule, count] of told)
    if (count > OF_ONE_RULE)
      yield `${' '.repeat(9)}${style.dim('…')} ${count - OF_ONE_RULE} more of ${style.title(rule)}${style.dim(': --all lists them')}`;
}

function titleText(finding: Finding & { readonly address?: bigint }, style: Style): string {
  const { severity, rule, path } = finding;
  // In a dump the place is a physical address.
  const offset = finding.offset ?? finding.address;
  const place = offset === undefined ? '' : `at 0x${offset.toString(16)}`;
  return [
    style.severity[severity](severity.padEnd(7)),
    ` ${style.title(rule)}`,
    ...(path === '' ? [] : [` ${style.name(path)}`]),
    ...(place === '' ? [] : [style.dim(path === '' ? ` ${place}` : place)]),
  ].join(' ');
}

/** `2 errors, 1 warning`, or that there is nothing. */
export function summaryText(findings: readonly Finding[], style: Style): string {
  if (findings.length === 0) return style.good('nothing found');
  const counts = countBySeverity(findings);
  return SEVERITIES.filter((severity) => counts[severity] > 0)
    .map((severity) =>
      style.severity[severity](`${counts[severity]} ${severity}${counts[severity] === 1 ? '' : 's'}`),
    )
    .join(', ');
}

/** Whether a shell script should stop at it: notes are no reason to. */
export function isFailure(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity !== 'note');
}

/** Text in lines of at most so many characters, broken at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > Math.max(20, width)) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

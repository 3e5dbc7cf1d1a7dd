/** Everything that is wrong or odd with an input: what decoding met, what the declarations say, what the format says. */
import { checkBytes } from '../codec/check.js';
import type { CarryoverError, Path } from '../codec/error.js';
import { pathText } from '../codec/error.js';
import type { Finding, Format, Reading, Severity } from '../formats/format.js';
import type { Wire } from './wire.js';

/** Codes that do not keep a value from being complete: it encodes to the bytes that it came from. */
const HARMLESS = new Set(['derived-mismatch']);

/** What a decode meets where the input ends too early. */
const ENDS: ReadonlySet<string> = new Set(['decode/truncated', 'decode/count-limit']);

/** Why the value does not tell all of the bytes; undefined if it does. */
export function incompleteBecause(wire: Wire): CarryoverError | undefined {
  return wire.problems.find((problem) => !HARMLESS.has(problem.code));
}

/** All findings in the order of their offsets; those about the whole come first. */
export function findingsOf(
  format: Format,
  reading: Reading,
  wire: Wire,
  bytes: Uint8Array,
): readonly Finding[] {
  const declared = checkBytes(reading.schema, bytes, {
    ...(reading.abi === undefined ? {} : { abi: reading.abi }),
    params: reading.params,
  }).map(
    (problem): Finding => ({
      severity: problem.severity,
      rule: `decode/${problem.code}`,
      path: pathText(presentedPath(format, reading, problem.path)),
      offset: problem.offset,
      message: problem.message,
    }),
  );
  const rules = format.check(wire.value, reading, bytes, wire.understood);
  // Where a rule of the format speaks of the same place, it says more than the declaration does.
  const spoken = new Set(rules.map(placeOf));
  // What a format's own reader refuses by the name of a rule, that rule has said.
  const named = new Set(rules.map(({ rule, offset }) => `decode/${rule.replace('/', '-')}@${offset}`));
  const errors = new Set(rules.filter((finding) => finding.severity === 'error').map(placeOf));
  // Where the input ends, every part that is not complete says so; the innermost, which is last, says it exactly.
  const ends = declared.filter((finding) => ENDS.has(finding.rule));
  const kept = declared.filter(
    (finding) =>
      !(finding.severity === 'error' ? errors : spoken).has(placeOf(finding)) &&
      !named.has(`${finding.rule}@${finding.offset}`) &&
      (!ENDS.has(finding.rule) || finding === ends[ends.length - 1]),
  );
  return [...kept, ...rules].sort((one, other) => (one.offset ?? -1) - (other.offset ?? -1));
}

/** Fields are known by their paths, what concerns the whole by where it begins. */
function placeOf({ path, offset }: Finding): string {
  return path === '' ? `@${offset ?? ''}` : path;
}

/** Padding and the like have no place of their own in the presented value: what they lie in has. */
function presentedPath(format: Format, reading: Reading, path: Path): Path {
  for (let length = path.length; length > 0; length--) {
    const found = format.presentPath(path.slice(0, length), reading);
    if (found !== undefined) return [...found, ...path.slice(length)];
  }
  return path;
}

/** How many there are of each severity. */
export function countBySeverity(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const finding of findings) counts[finding.severity]++;
  return counts;
}

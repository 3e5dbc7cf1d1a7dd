/** What generators of streams and files share: how their instances are opened, and how a byte in them is changed. */
import type { Finding, Rule } from '../../formats/format.js';
import { open, parseABI } from '../../state/index.js';
import type { ExpectedFinding, Made } from './types.js';

/** What is found in a stream or a file, opened as it says that it has to be. */
export function checkStream(made: Made): readonly Finding[] {
  if (made.kind !== 'bytes') return [];
  const { bytes, as, forcedABI } = made;
  return open(bytes, { as, abi: forcedABI === undefined ? undefined : parseABI(forcedABI) }).findings;
}

/** The finding of a rule at a path; those of decoding are errors. @throws Error if there is no such rule. */
export function findingOf(rules: readonly Rule[], name: string, path: string): ExpectedFinding {
  if (name.startsWith('decode/')) return { rule: name, severity: 'error', path };
  const rule = rules.find((each) => each.name === name);
  if (rule === undefined) throw new Error(`there is no rule ${name}`);
  return { rule: name, severity: rule.severity, path };
}

/** The title of a rule. */
export function titleOf(rules: readonly Rule[], name: string): string {
  return rules.find((each) => each.name === name)?.title ?? name;
}

/** The same bytes with others over them from an offset on. */
export function patched(bytes: Uint8Array, at: number, over: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(over, at);
  return copy;
}

/** A number as four bytes, the highest first. */
export function be32(value: number): readonly number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Fixtures of flattened device trees. */
import { fdt } from '../../formats/fdt/index.js';
import { FDT_BOUNDARIES } from './fdt-boundaries.js';
import { FDT_FAULTS, type FDTFault } from './fdt-faults.js';
import { randomTree } from './fdt-random.js';
import { Choices } from './handover-generator.js';
import { checkStream, findingOf, titleOf } from './stream.js';
import type { Case, ExpectedFinding, Generator, Violation } from './types.js';

/** No libfdt reads version 1, so whatever is of that version says so. */
const OLD = findingOf(fdt.rules, 'fdt/old-version', '');

function versionOf(generation: string): number {
  const version = Number(generation.slice(1));
  if (!fdt.generations.some(({ name }) => name === generation)) throw new Error(`fdt has no ${generation}`);
  return version;
}

function caseOf(
  generation: string,
  about: { readonly name: string; readonly covers: string },
  inherent: readonly ExpectedFinding[],
  bytes: () => Uint8Array,
  as?: string,
): Case {
  return {
    name: `${generation}-${about.name}`,
    covers: about.covers,
    generation,
    ...(inherent.length === 0 ? {} : { inherent }),
    make: () => ({ kind: 'bytes', bytes: bytes(), ...(as === undefined ? {} : { as }) }),
  };
}
const inherentOf = (version: number): readonly ExpectedFinding[] => (version === 1 ? [OLD] : []);

function violationOf(fault: FDTFault, generation: string): Violation {
  const version = versionOf(generation);
  const { rule, path, companions, notAlone, bytes, forced, versionless } = fault;
  const expected = [[rule, path] as const, ...(companions?.(version) ?? [])].map(([name, where]) =>
    findingOf(fdt.rules, name, where),
  );
  const told = rule === OLD.rule || versionless === true;
  const about = { name: rule.replace('/', '-'), covers: titleOf(fdt.rules, rule) };
  return {
    ...caseOf(
      generation,
      about,
      told ? [] : inherentOf(version),
      () => bytes(version),
      forced === true ? 'fdt' : undefined,
    ),
    rule,
    expected,
    ...(notAlone === undefined ? {} : { notAlone }),
  };
}

export const fdtGenerator: Generator = {
  format: 'fdt',
  makes: 'bytes',
  generations: fdt.generations,
  rules: fdt.rules,
  *boundaries(generation) {
    const version = versionOf(generation);
    for (const boundary of FDT_BOUNDARIES)
      if (boundary.on === undefined || boundary.on(version))
        yield caseOf(generation, boundary, inherentOf(version), () => boundary.bytes(version));
  },
  random(generation, seed, index) {
    const version = versionOf(generation);
    const about = { name: `random-${index}`, covers: 'a random sound tree' };
    return caseOf(generation, about, inherentOf(version), () =>
      randomTree(version, new Choices(seed, index)),
    );
  },
  *violations(generation) {
    const version = versionOf(generation);
    for (const fault of FDT_FAULTS)
      if (fault.on === undefined || fault.on(version)) yield violationOf(fault, generation);
  },
  unbroken: {},
  check: checkStream,
};

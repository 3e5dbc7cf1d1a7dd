/** Fixtures of passt's migration streams. */
import { generationOf } from '../../formats/passt/generations.js';
import { RULES } from '../../formats/passt/rules.js';
import { PASST_BUILDS, type PasstBuild } from '../passt/spec.js';
import { inherentOfBoundary, PASST_BOUNDARIES } from './passt-boundaries.js';
import { caseOf, SAID } from './passt-case.js';
import { passtViolations } from './passt-faults.js';
import { randomStream } from './passt-random.js';
import { checkStream } from './stream.js';
import type { Case, Generator } from './types.js';

/** What nobody ever sent, and what has to be said when it is opened. */
const ODD: readonly PasstBuild[] = ['newer', ...PASST_BUILDS.filter((name) => SAID.has(name))];

/**
 * From the oldest on; odd ones come before all others, because sets begin with the last. That a header can be one of
 * no known version is what the rule `version-unsupported` is about, and no generation to make.
 */
const MADE: readonly PasstBuild[] = [...ODD, ...PASST_BUILDS.filter((name) => !ODD.includes(name))];

function madeNamed(name: string): PasstBuild {
  const found = MADE.find((each) => each === name);
  if (found === undefined) throw new Error(`no stream of ${name} can be made`);
  return found;
}

function* boundaries(generation: PasstBuild): Iterable<Case> {
  for (const boundary of PASST_BOUNDARIES)
    if (boundary.on.includes(generation))
      for (const abi of boundary.abis ?? ['x86_64'])
        yield caseOf(
          generation,
          abi,
          boundary,
          inherentOfBoundary(boundary, generation),
          () => boundary.plan,
        );
}

export const passtGenerator: Generator = {
  format: 'passt',
  makes: 'bytes',
  generations: MADE.map(generationOf),
  rules: RULES,
  boundaries: (generation) => boundaries(madeNamed(generation)),
  random: (generation, seed, index) => randomStream(madeNamed(generation), seed, index),
  violations: (generation) => passtViolations(madeNamed(generation)),
  unbroken: {},
  check: checkStream,
};

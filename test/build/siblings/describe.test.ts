/** What is built of a spec is described as the same spec, also through its text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHandoverSpec, specOf, specText } from '../../../src/build/index.js';
import { fromChoices } from '../../../src/testing/choices.js';
import { runs, SEED } from '../../laws/seed.js';
import { MACHINES, siblingSpec } from './arbitrary.js';
import { opened } from './support.js';

/** Without the devices of a domain that no IOMMU is there for, and what is not known of such a dump. */
const EXPECTED = new Set([
  'iommufd/domain',
  'vfio-pci/pci-entry',
  'vfio-pci/pci-device',
  'payload/ambiguous',
]);

describe.each(MACHINES)('%s, pages of %i', (...machine) => {
  it('a spec is what is described of what it builds', () => {
    fc.assert(
      fc.property(
        fromChoices((draw) => siblingSpec(draw, machine)),
        ({ spec, forced }) => {
          const handover = opened(spec, { forced });
          const rules = handover.findings.map(({ rule }) => rule).filter((rule) => !EXPECTED.has(rule));
          expect(rules).toEqual([]);
          const { spec: again } = specOf(handover);
          expect(again.sessions).toEqual(spec.sessions);
          expect(again.flbs).toEqual(spec.flbs);
          expect(readHandoverSpec(specText(again)).value).toEqual(again);
        },
      ),
      { seed: SEED, numRuns: runs(40) },
    );
  });
});

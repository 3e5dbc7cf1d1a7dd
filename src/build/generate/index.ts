/** Fixture sets: valid instances of each format, its boundaries first, and instances that break one rule each. */
import { SIBLING_GENERATORS } from '../siblings/generate/index.js';
import { fdtGenerator } from './fdt.js';
import { iommuGenerator } from './iommu.js';
import { metadataGenerator } from './kexec-metadata.js';
import { khoGenerator } from './kho.js';
import { khoTestGenerator } from './kho-test.js';
import { luoGenerator } from './luo.js';
import { memblockGenerator } from './memblock.js';
import { memfdGenerator } from './memfd.js';
import { passtGenerator } from './passt.js';
import type { Generator } from './types.js';

export type { Case, ExpectedFinding, Generator, Made, Violation } from './types.js';

/** All formats that can be generated. A line here adds one. */
export const GENERATORS: readonly Generator[] = Object.freeze([
  khoGenerator,
  luoGenerator,
  memfdGenerator,
  memblockGenerator,
  metadataGenerator,
  khoTestGenerator,
  iommuGenerator,
  ...SIBLING_GENERATORS,
  passtGenerator,
  fdtGenerator,
]);

export {
  bytesOf,
  cHeader,
  containerOfForm,
  cSource,
  ENDINGS,
  FORMS,
  type Form,
  hexText,
  rawBase,
  whyNot,
} from './forms.js';
export { boundaryCases, generationsBreaking, validCases, violationCases } from './set.js';

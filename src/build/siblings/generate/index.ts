/** Fixtures of all that is built beside memfds. */
import type { Generator } from '../../generate/types.js';
import { guestMemfdGenerator } from './guest-memfd.js';
import { hugetlbGenerator } from './hugetlb.js';
import { iommufdGenerator } from './iommufd.js';
import { kvmGenerator } from './kvm.js';
import { pciGenerator } from './pci.js';
import { dmabufGenerator, eventfdGenerator } from './small.js';
import { vfioGenerator } from './vfio-pci.js';

export const SIBLING_GENERATORS: readonly Generator[] = Object.freeze([
  pciGenerator,
  vfioGenerator,
  iommufdGenerator,
  kvmGenerator,
  guestMemfdGenerator,
  hugetlbGenerator,
  eventfdGenerator,
  dmabufGenerator,
]);

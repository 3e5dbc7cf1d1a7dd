/** What carryover itself decodes; more can be given when a handover is opened. */
import { dmabufHandler } from '../dmabuf/index.js';
import { eventfdHandler } from '../eventfd/index.js';
import { checkGuestMemfds, guestMemfdHandler } from '../guest-memfd/index.js';
import { hugeMemfdHandler, hugetlbFlb } from '../hugetlb/index.js';
import { checkIommuNeighbours, iommuFlbs } from '../iommu/index.js';
import { iommufdHandler } from '../iommufd/index.js';
import { checkKexecCount, metadataSubtree } from '../kexec-metadata/index.js';
import { khoTestSubtree } from '../kho-test/index.js';
import { checkVcpus, kvmVcpuHandler, kvmVmHandler } from '../kvm/index.js';
import { testFlb } from '../liveupdate/test-flb.js';
import { luoSubtree } from '../luo/index.js';
import { memblockSubtree } from '../memblock/index.js';
import { memfdV1, memfdV2 } from '../memfd/index.js';
import { pciFlbs } from '../pci/index.js';
import { rxeHandler } from '../rxe/index.js';
import { checkVfio, vfioHandlers } from '../vfio-pci/index.js';
import type { Registry } from './extension.js';

export const REGISTRY: Registry = Object.freeze({
  subtrees: Object.freeze([luoSubtree, memblockSubtree, metadataSubtree, khoTestSubtree]),
  files: Object.freeze([
    memfdV1,
    memfdV2,
    ...vfioHandlers,
    iommufdHandler,
    kvmVmHandler,
    kvmVcpuHandler,
    guestMemfdHandler,
    hugeMemfdHandler,
    eventfdHandler,
    dmabufHandler,
    rxeHandler,
  ]),
  flbs: Object.freeze([testFlb, ...pciFlbs, hugetlbFlb, ...iommuFlbs]),
  checks: Object.freeze([checkKexecCount, checkVfio, checkIommuNeighbours, checkVcpus, checkGuestMemfds]),
});

/** What is added comes first, so that it can take the place of what is there. */
export function extended(more: Partial<Registry> | undefined): Registry {
  if (more === undefined) return REGISTRY;
  return {
    subtrees: [...(more.subtrees ?? []), ...REGISTRY.subtrees],
    files: [...(more.files ?? []), ...REGISTRY.files],
    flbs: [...(more.flbs ?? []), ...REGISTRY.flbs],
    checks: [...(more.checks ?? []), ...REGISTRY.checks],
  };
}

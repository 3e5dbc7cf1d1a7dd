/** Every rule of everything that is handed over, for `explain` and for lists. */
import { DMA_ALLOC } from '../dma-alloc/rules.js';
import { EVENTFD } from '../eventfd/rules.js';
import { GUEST_MEMFD } from '../guest-memfd/rules.js';
import { HUGETLB } from '../hugetlb/rules.js';
import { IOMMU_HW } from '../iommu/hw/rules.js';
import { IOMMU } from '../iommu/rules.js';
import { IOMMUFD } from '../iommufd/rules.js';
import { KEXEC_METADATA } from '../kexec-metadata/rules.js';
import { KHO_TEST } from '../kho-test/rules.js';
import { KVM } from '../kvm/rules.js';
import { LUO } from '../luo/rules.js';
import { MEMBLOCK } from '../memblock/rules.js';
import { MEMFD } from '../memfd/rules.js';
import { PAYLOAD } from '../payload/rules.js';
import { PCI } from '../pci/rules.js';
import { VFIO_PCI } from '../vfio-pci/rules.js';
import { DEBUGFS } from './debugfs.js';
import type { HandoverRule } from './findings.js';
import { RECEIVER } from './receiver.js';
import { KHO } from './rules.js';

export const HANDOVER_RULES: readonly HandoverRule[] = Object.freeze(
  [
    KHO,
    LUO,
    MEMFD,
    MEMBLOCK,
    KEXEC_METADATA,
    KHO_TEST,
    IOMMU,
    IOMMU_HW,
    PAYLOAD,
    PCI,
    VFIO_PCI,
    IOMMUFD,
    DMA_ALLOC,
    KVM,
    GUEST_MEMFD,
    HUGETLB,
    EVENTFD,
    DEBUGFS,
    RECEIVER,
  ].flatMap((table): HandoverRule[] => Object.values(table)),
);

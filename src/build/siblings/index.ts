/** What carryover builds beside memfds: devices, VMs and their memory, huge pages, and small files. */
import type { FileBuilder, FlbBuilder } from '../handover/extension.js';
import { dmabufBuilder } from './dmabuf.js';
import { eventfdBuilder } from './eventfd.js';
import { guestMemfdBuilder } from './guest-memfd.js';
import { hugeMemfdBuilder } from './huge-memfd.js';
import { hugetlbBuilder } from './hugetlb.js';
import { iommufdBuilder } from './iommufd.js';
import { kvmVcpuBuilder } from './kvm-vcpu.js';
import { kvmVmBuilder } from './kvm-vm.js';
import { iommufdLayouts, iommufdWithoutFlbs } from './layouts/iommufd.js';
import { pciLayouts } from './layouts/pci.js';
import { vfioLayouts } from './layouts/vfio-pci.js';
import { pciBuilder } from './pci.js';
import { vfioBuilder } from './vfio-pci.js';

export type { BlockSpec } from './block.js';
export type { DmabufSpec } from './dmabuf.js';
export type { EventfdSpec } from './eventfd.js';
export type { GuestMemfdSpec } from './guest-memfd.js';
export type { HugeFolioSpec, HugeMemfdSpec } from './huge-memfd.js';
export type { HugetlbSpec } from './hugetlb.js';
export { type HwptSpec, IOMMUFD_BUILDS, type IommufdSpec } from './iommufd.js';
export type { KvmVcpuSpec } from './kvm-vcpu.js';
export type { KvmVmSpec, MemAttrSpec } from './kvm-vm.js';
export { PCI_BUILDS, type PciDeviceSpec, type PciRfcDeviceSpec, type PciSpec } from './pci.js';
export type { CapabilitySpec, ConfigSpec, SavedStateSpec } from './saved-state.js';
export { VFIO_BUILDS, type VfioSpec } from './vfio-pci.js';

export const SIBLING_FILES: readonly FileBuilder[] = Object.freeze([
  { ...vfioBuilder, layouts: vfioLayouts },
  { ...iommufdBuilder, layouts: iommufdLayouts, withoutFlbs: iommufdWithoutFlbs },
  kvmVmBuilder,
  kvmVcpuBuilder,
  guestMemfdBuilder,
  hugeMemfdBuilder,
  eventfdBuilder,
  dmabufBuilder,
]);
export const SIBLING_FLBS: readonly FlbBuilder[] = Object.freeze([
  { ...pciBuilder, layouts: pciLayouts },
  hugetlbBuilder,
]);

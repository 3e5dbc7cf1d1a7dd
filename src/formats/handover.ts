/**
 * What kernels hand over is not one run of bytes with one schema, as the inputs of a {@link Format} are, but
 * objects that point at each other in memory. What there is to say of its parts (generations, types, rules) is
 * said here in the same words.
 */

import { DMA_ALLOC, DMA_ALLOC_PROFILES, DmaAllocSerV1, DmaAllocSerV2 } from './dma-alloc/index.js';
import { DmabufSer } from './dmabuf/index.js';
import { EVENTFD, EventfdSer } from './eventfd/index.js';
import type { Format } from './format.js';
import { GUEST_MEMFD, GuestMemfdLuoFolioSer, GuestMemfdLuoSer } from './guest-memfd/index.js';
import { HUGETLB, HugeMemfdFolioSer, HugeMemfdSer, HugetlbSer } from './hugetlb/index.js';
import {
  Cd,
  IOMMU_HW,
  SmmuL1CdDesc,
  SmmuL1StreamDesc,
  SmmuStrtabBaseCfg,
  Ste,
  VtdContextEntry,
  VtdPasidDirEntry,
  VtdPasidEntry,
  VtdRootEntry,
  VtdScalableContextEntry,
  VtdScalableRootEntry,
} from './iommu/hw/index.js';
import { IOMMU, IOMMU_GENERATIONS, IOMMU_TYPES } from './iommu/index.js';
import {
  IOMMUFD,
  IOMMUFD_IOCTLS,
  IOMMUFD_PROFILES,
  IommufdHwptSer,
  IommufdHwptSerB,
  IommufdSer,
  IommufdSerB,
  IommufdSerR1,
} from './iommufd/index.js';
import { KEXEC_METADATA, KhoKexecMetadata } from './kexec-metadata/index.js';
import {
  DEBUGFS,
  KHO,
  KHO_GENERATIONS,
  KhoBlockHeaderSer,
  KhoData,
  KhoRadixNode,
  KhoScratch,
  KhoserMemBitmapPtr,
  KhoserMemChunk,
  KhoserMemChunkHdr,
  KhoVmalloc,
  KhoVmallocChunk,
  RECEIVER,
  SetupData,
} from './kho/index.js';
import { KHO_TEST } from './kho-test/index.js';
import {
  KVM,
  KVM_PROFILES,
  KvmLuoSer,
  KvmLuoSerCaretaker,
  KvmLuoSerV1,
  KvmMemAttr,
  KvmVcpuLuoSer,
} from './kvm/index.js';
import { KVM_IOCTLS } from './kvm-uapi/index.js';
import { LIVEUPDATE_IOCTLS } from './liveupdate/index.js';
import {
  LUO,
  LUO_GENERATIONS,
  LuoFileSer,
  LuoFileSetSer,
  LuoFlbHeaderSer,
  LuoFlbSer,
  LuoSer,
  LuoSerComposite,
  LuoSerV2,
  LuoSessionHeaderSer,
  LuoSessionSer,
  LuoSessionSerV1,
} from './luo/index.js';
import { MEMBLOCK } from './memblock/index.js';
import { MEMFD, MemfdLuoFolioSer, MemfdLuoSerV1, MemfdLuoSerV2 } from './memfd/index.js';
import { PAYLOAD } from './payload/index.js';
import {
  PCI,
  PCI_PROFILES,
  PciDevSer,
  PciDevSerRfc,
  PciDevSerRfcNamed,
  PciDevSerV1,
  PciSer,
  PciSerV1,
  PciSerV2,
  PciSerV3,
  PciSerV3U32,
  PciSerV4,
  PciSerV7,
} from './pci/index.js';
import {
  Amdv1Entry,
  Armv8S1Entry,
  Armv8S2Entry,
  Riscv64Entry,
  VtdssEntry,
  X86Entry,
} from './pgtable/index.js';
import {
  PciCapSavedData,
  PciSavedState,
  VFIO_PCI,
  VFIO_PROFILES,
  VfioIommufdSer,
  VfioSerRfc,
  VfioSerRfcConfig,
  VfioSerV1,
  VfioSerV1Iommufd,
  VfioSerV1Reset,
  VfioSerV2,
  VfioSerV2Iommufd,
  VfioSerV2Reset,
} from './vfio-pci/index.js';

/** A part of what is handed over: what `formats`, `layout` and `explain` show of it. */
export interface HandoverPart extends Pick<Format, 'name' | 'title' | 'generations' | 'rules' | 'types'> {
  /** Whether it can be read as a generation that somebody names; else the data says which one it is. */
  readonly forcible?: true;
}

export const handoverParts: readonly HandoverPart[] = Object.freeze([
  {
    name: 'kho',
    title: 'Kexec HandOver: the root, the map of preserved memory, scratch',
    forcible: true,
    generations: KHO_GENERATIONS,
    rules: [...Object.values(KHO), ...Object.values(DEBUGFS), ...Object.values(RECEIVER)],
    types: {
      kho_data: KhoData,
      setup_data: SetupData,
      kho_scratch: KhoScratch,
      khoser_mem_bitmap_ptr: KhoserMemBitmapPtr,
      khoser_mem_chunk_hdr: KhoserMemChunkHdr,
      khoser_mem_chunk: KhoserMemChunk,
      kho_radix_node: KhoRadixNode,
      kho_vmalloc: KhoVmalloc,
      kho_vmalloc_chunk: KhoVmallocChunk,
      kho_block_header_ser: KhoBlockHeaderSer,
    },
  },
  {
    name: 'luo',
    title: 'Live Update Orchestrator: sessions, files, file-lifecycle-bound data',
    generations: LUO_GENERATIONS.map(({ name, title, source }) => ({ name, title, source })),
    rules: [...Object.values(LUO), ...Object.values(PAYLOAD)],
    types: {
      luo_ser: LuoSer,
      'luo_ser(composite)': LuoSerComposite,
      'luo_ser(v2)': LuoSerV2,
      luo_session_header_ser: LuoSessionHeaderSer,
      luo_session_ser: LuoSessionSer,
      'luo_session_ser(v1)': LuoSessionSerV1,
      luo_file_set_ser: LuoFileSetSer,
      luo_file_ser: LuoFileSer,
      luo_flb_header_ser: LuoFlbHeaderSer,
      luo_flb_ser: LuoFlbSer,
    },
  },
  {
    name: 'memfd',
    title: 'memfds that the Live Update Orchestrator preserves',
    generations: [
      { name: 'v1', title: 'position, size, folios', source: 'Linux 6.19 and 7.0' },
      { name: 'v2', title: 'seals and flags as well', source: 'Linux 7.1 and later' },
    ],
    rules: Object.values(MEMFD),
    types: {
      memfd_luo_ser: MemfdLuoSerV2,
      'memfd_luo_ser(v1)': MemfdLuoSerV1,
      memfd_luo_folio_ser: MemfdLuoFolioSer,
    },
  },
  {
    name: 'memblock',
    title: 'regions of reserve_mem=',
    generations: [
      { name: 'v1', title: 'a device tree with a node for each region', source: 'Linux 6.16 and later' },
    ],
    rules: Object.values(MEMBLOCK),
    types: {},
  },
  {
    name: 'kexec-metadata',
    title: 'release of the kernel before, and how often it kexeced',
    generations: [{ name: 'v1', title: 'version, release, count', source: 'Linux 7.1 and later' }],
    rules: Object.values(KEXEC_METADATA),
    types: { kho_kexec_metadata: KhoKexecMetadata },
  },
  {
    name: 'kho-test',
    title: "the kernel's own test of KHO",
    generations: [
      {
        name: 'v1',
        title: 'folios in a property, from 6.18 on in a vmalloc area',
        source: 'Linux 6.17 and later',
      },
    ],
    rules: Object.values(KHO_TEST),
    types: {},
  },
  {
    name: 'liveupdate',
    title: 'the ioctls of /dev/liveupdate',
    generations: [
      { name: 'v1', title: 'structs that begin with their size', source: 'Linux 6.19 and later' },
    ],
    rules: [],
    types: Object.fromEntries(
      LIVEUPDATE_IOCTLS.map(({ name, schema }) => [
        'name' in schema && typeof schema.name === 'string' ? schema.name : name.toLowerCase(),
        schema,
      ]),
    ),
  },
  {
    name: 'iommu',
    title: 'IOMMUs, their domains and devices, that go on working over a live update',
    forcible: true,
    generations: IOMMU_GENERATIONS,
    rules: [...Object.values(IOMMU), ...Object.values(IOMMU_HW)],
    types: {
      ...IOMMU_TYPES,
      vtd_root_entry: VtdRootEntry,
      vtd_scalable_root_entry: VtdScalableRootEntry,
      vtd_context_entry: VtdContextEntry,
      vtd_scalable_context_entry: VtdScalableContextEntry,
      vtd_pasid_dir_entry: VtdPasidDirEntry,
      vtd_pasid_entry: VtdPasidEntry,
      smmu_strtab_base_cfg: SmmuStrtabBaseCfg,
      smmu_l1_stream_desc: SmmuL1StreamDesc,
      smmu_ste: Ste,
      smmu_l1_cd_desc: SmmuL1CdDesc,
      smmu_cd: Cd,
      vtdss_entry: VtdssEntry,
      x86_64_entry: X86Entry,
      amdv1_entry: Amdv1Entry,
      riscv64_entry: Riscv64Entry,
      armv8_s1_entry: Armv8S1Entry,
      armv8_s2_entry: Armv8S2Entry,
    },
  },
  {
    name: 'pci',
    title: 'devices that the PCI core preserves',
    forcible: true,
    generations: PCI_PROFILES.map(({ name, title, source }) => ({ name, title, source })),
    rules: Object.values(PCI),
    types: {
      pci_ser: PciSer,
      'pci_ser(v7)': PciSerV7,
      'pci_ser(v4)': PciSerV4,
      'pci_ser(v3-u32)': PciSerV3U32,
      'pci_ser(v3)': PciSerV3,
      'pci_ser(v2)': PciSerV2,
      'pci_ser(v1)': PciSerV1,
      pci_dev_ser: PciDevSer,
      'pci_dev_ser(v1)': PciDevSerV1,
      'pci_dev_ser(rfc)': PciDevSerRfc,
      'pci_dev_ser(rfc-named)': PciDevSerRfcNamed,
    },
  },
  {
    name: 'vfio-pci',
    title: 'VFIO PCI devices that are preserved as files',
    forcible: true,
    generations: VFIO_PROFILES.map(({ name, title, source }) => ({ name, title, source })),
    rules: Object.values(VFIO_PCI),
    types: {
      vfio_pci_core_device_ser: VfioSerV2Iommufd,
      'vfio_pci_core_device_ser(v2-reset)': VfioSerV2Reset,
      'vfio_pci_core_device_ser(v2)': VfioSerV2,
      'vfio_pci_core_device_ser(v1-iommufd)': VfioSerV1Iommufd,
      'vfio_pci_core_device_ser(v1-reset)': VfioSerV1Reset,
      'vfio_pci_core_device_ser(v1)': VfioSerV1,
      'vfio_pci_core_device_ser(rfc-config)': VfioSerRfcConfig,
      'vfio_pci_core_device_ser(rfc)': VfioSerRfc,
      vfio_iommufd_ser: VfioIommufdSer,
      pci_saved_state: PciSavedState,
      pci_cap_saved_data: PciCapSavedData,
    },
  },
  {
    name: 'iommufd',
    title: 'iommufds that are preserved as files, and the ioctls that mark what of them is',
    forcible: true,
    generations: IOMMUFD_PROFILES.map(({ name, title, source }) => ({ name, title, source })),
    rules: Object.values(IOMMUFD),
    types: {
      iommufd_ser: IommufdSer,
      'iommufd_ser(B)': IommufdSerB,
      'iommufd_ser(R1)': IommufdSerR1,
      iommufd_hwpt_ser: IommufdHwptSer,
      'iommufd_hwpt_ser(B)': IommufdHwptSerB,
      ...Object.fromEntries(IOMMUFD_IOCTLS.map(({ name, schema }) => [name.toLowerCase(), schema])),
    },
  },
  {
    name: 'dma-alloc',
    title: 'memory of the DMA API that is preserved',
    forcible: true,
    generations: DMA_ALLOC_PROFILES.map(({ name, title, source }) => ({ name, title, source })),
    rules: Object.values(DMA_ALLOC),
    types: { dma_alloc_ser: DmaAllocSerV2, 'dma_alloc_ser(v1)': DmaAllocSerV1 },
  },
  {
    name: 'kvm',
    title: "VMs and virtual CPUs that are preserved as files, and KVM's ioctls for guest_memfd",
    forcible: true,
    generations: KVM_PROFILES.map(({ name, title, source }) => ({ name, title, source })),
    rules: Object.values(KVM),
    types: {
      kvm_luo_ser: KvmLuoSer,
      'kvm_luo_ser(v1)': KvmLuoSerV1,
      'kvm_luo_ser(caretaker)': KvmLuoSerCaretaker,
      kvm_luo_mem_attr: KvmMemAttr,
      kvm_vcpu_luo_ser: KvmVcpuLuoSer,
      ...Object.fromEntries(
        KVM_IOCTLS.map(({ name, schema }) => [
          'name' in schema && typeof schema.name === 'string' ? schema.name : name.toLowerCase(),
          schema,
        ]),
      ),
    },
  },
  {
    name: 'guest-memfd',
    title: 'guest_memfds that are preserved as files',
    generations: [
      { name: 'v1', title: 'size, flags, VM, folios', source: 'RFC v1 to v3, May and June 2026' },
    ],
    rules: Object.values(GUEST_MEMFD),
    types: { guest_memfd_luo_ser: GuestMemfdLuoSer, guest_memfd_luo_folio_ser: GuestMemfdLuoFolioSer },
  },
  {
    name: 'hugetlb',
    title: 'huge pages: their pools, and memfds of them',
    generations: [
      { name: 'v1', title: 'four sizes; folios of one order', source: 'postings that are in no release' },
    ],
    rules: Object.values(HUGETLB),
    types: {
      hugetlb_ser: HugetlbSer,
      hugetlb_memfd_ser: HugeMemfdSer,
      hugetlb_memfd_folio_ser: HugeMemfdFolioSer,
    },
  },
  {
    name: 'eventfd',
    title: 'eventfds that are preserved as files',
    generations: [{ name: 'v1', title: 'counter and flags', source: 'postings that are in no release' }],
    rules: Object.values(EVENTFD),
    types: { eventfd_ser: EventfdSer },
  },
  {
    name: 'dmabuf',
    title: 'DMA buffers that are preserved as files',
    generations: [
      { name: 'v1', title: 'the device that exported it', source: 'a placeholder, in no release' },
    ],
    rules: [],
    types: { dmabuf_ser: DmabufSer },
  },
]);

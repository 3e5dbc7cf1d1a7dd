/** What the file of a VFIO PCI device hands over. All packed; every posting had another one. */
import { array, bytes, hex, phys, struct, u8, u16, u32 } from '../../codec/index.js';

const PACKED = { packed: true } as const;

/** Saved state of a device: its header, and capabilities up to one of size 0. */
export const PciCapSavedData = struct(
  'pci_cap_saved_data',
  { cap_nr: hex(u16), cap_extended: u8, size: u32 },
  PACKED,
);
export const PciSavedState = struct('pci_saved_state', { config_space: array(hex(u32), 16) }, PACKED);

/** `vfio-v1`, first: the address alone. */
export const VfioSerRfc = struct('vfio_pci_core_device_ser', { bdf: hex(u16) }, PACKED);
/** `vfio-v1`, later: with the configuration space. 8235 bytes. */
export const VfioSerRfcConfig = struct(
  'vfio_pci_core_device_ser',
  {
    bdf: hex(u16),
    cfg_size: u32,
    pci_config_map: bytes(4096),
    vconfig: bytes(4096),
    rbar: array(hex(u32), 7),
    reset_works: u8,
    pci_saved_state_phys: phys(() => PciSavedState),
  },
  PACKED,
);
const BDF_FIRST = { bdf: hex(u16), domain: hex(u16) } as const;
const DOMAIN_FIRST = { domain: hex(u32), bdf: hex(u16) } as const;

/** The iommufd that the device is attached to: its token in the session, cut to 32 bits; 0 for none. */
export const VfioIommufdSer = struct('vfio_iommufd_ser', { token: hex(u32) }, PACKED);

export const VfioSerV1 = struct('vfio_pci_core_device_ser', BDF_FIRST, PACKED);
export const VfioSerV1Reset = struct('vfio_pci_core_device_ser', { ...BDF_FIRST, reset_works: u8 }, PACKED);
export const VfioSerV1Iommufd = struct(
  'vfio_pci_core_device_ser',
  { ...BDF_FIRST, reset_works: u8, iommufd_ser: VfioIommufdSer },
  PACKED,
);
export const VfioSerV2 = struct('vfio_pci_core_device_ser', DOMAIN_FIRST, PACKED);
export const VfioSerV2Reset = struct(
  'vfio_pci_core_device_ser',
  { ...DOMAIN_FIRST, reset_works: u8 },
  PACKED,
);
export const VfioSerV2Iommufd = struct(
  'vfio_pci_core_device_ser',
  { ...DOMAIN_FIRST, reset_works: u8, iommufd_ser: VfioIommufdSer },
  PACKED,
);

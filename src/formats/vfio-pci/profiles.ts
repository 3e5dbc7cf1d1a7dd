/** Every layout that the file of a VFIO PCI device ever had. */
import type { Schema } from '../../codec/index.js';
import type { Generation } from '../format.js';
import {
  VfioSerRfc,
  VfioSerRfcConfig,
  VfioSerV1,
  VfioSerV1Iommufd,
  VfioSerV1Reset,
  VfioSerV2,
  VfioSerV2Iommufd,
  VfioSerV2Reset,
} from './schema.js';

export interface VfioProfile extends Generation {
  /** The strings that it went by. */
  readonly compatible: readonly string[];
  readonly schema: Schema;
  /** In bytes. */
  readonly size: number;
  /** Where each field is, in bytes; undefined where the layout lacks it. */
  readonly domain: { readonly at: number; readonly size: 2 | 4 } | undefined;
  readonly bdf: number;
  readonly reset: number | undefined;
  readonly token: number | undefined;
}

const SEGMENT = { at: 2, size: 2 } as const;
const DOMAIN = { at: 0, size: 4 } as const;

/** Of equal fit, the first of a string is taken. */
export const VFIO_PROFILES: readonly VfioProfile[] = Object.freeze([
  {
    name: 'rfc-config',
    title: 'bdf, configuration space, saved state',
    source: 'RFC of October 2025, later patches',
    compatible: ['vfio-v1'],
    schema: VfioSerRfcConfig,
    size: 8235,
    domain: undefined,
    bdf: 0,
    reset: 8226,
    token: undefined,
  },
  {
    name: 'rfc',
    title: 'bdf',
    source: 'RFC of October 2025, first patches',
    compatible: ['vfio-v1'],
    schema: VfioSerRfc,
    size: 2,
    domain: undefined,
    bdf: 0,
    reset: undefined,
    token: undefined,
  },
  {
    name: 'v1-reset',
    title: 'bdf, domain, reset_works',
    source: 'v1 and v2 of 2025-11 and 2026-01',
    compatible: ['vfio-pci-v1'],
    schema: VfioSerV1Reset,
    size: 5,
    domain: SEGMENT,
    bdf: 0,
    reset: 4,
    token: undefined,
  },
  {
    name: 'v1-iommufd',
    title: 'bdf, domain, reset_works, token of the iommufd',
    source: 'with the IOMMU series v1 of 2026-02-03',
    compatible: ['vfio-pci-v1'],
    schema: VfioSerV1Iommufd,
    size: 9,
    domain: SEGMENT,
    bdf: 0,
    reset: 4,
    token: 5,
  },
  {
    name: 'v1',
    title: 'bdf, domain',
    source: 'v1 and v2 of 2025-11 and 2026-01, first patches',
    compatible: ['vfio-pci-v1'],
    schema: VfioSerV1,
    size: 4,
    domain: SEGMENT,
    bdf: 0,
    reset: undefined,
    token: undefined,
  },
  {
    name: 'v2-reset',
    title: 'domain of 32 bits, bdf, reset_works',
    source: 'v3 of 2026-03 and later',
    compatible: ['vfio-pci-v2', 'vfio-pci-v1'],
    schema: VfioSerV2Reset,
    size: 7,
    domain: DOMAIN,
    bdf: 4,
    reset: 6,
    token: undefined,
  },
  {
    name: 'v2-iommufd',
    title: 'domain of 32 bits, bdf, reset_works, token of the iommufd',
    source: 'with the IOMMU series v2 of 2026-04-27',
    compatible: ['vfio-pci-v2'],
    schema: VfioSerV2Iommufd,
    size: 11,
    domain: DOMAIN,
    bdf: 4,
    reset: 6,
    token: 7,
  },
  {
    name: 'v2',
    title: 'domain of 32 bits, bdf',
    source: 'v3 of 2026-03, first patches',
    compatible: ['vfio-pci-v1', 'vfio-pci-v2'],
    schema: VfioSerV2,
    size: 6,
    domain: DOMAIN,
    bdf: 4,
    reset: undefined,
    token: undefined,
  },
]);

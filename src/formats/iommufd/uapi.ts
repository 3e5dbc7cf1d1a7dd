/** The ioctls of /dev/iommu that have to do with a live update (include/uapi/linux/iommufd.h and the postings). */
import { aligned, i32, reserved, type Schema, struct, u32, u64 } from '../../codec/index.js';

/** The type of all its ioctls, which are `_IO`: the number does not tell the size. */
export const IOMMUFD_TYPE = 0x3b;

/** Marks a page table as one to preserve: the series of February 2026. */
export const IommuHwptLuSetPreserve = struct('iommu_hwpt_lu_set_preserve', {
  size: u32,
  hwpt_id: u32,
  hwpt_token: u32,
});
/** The same in the RFC, which could take the mark back. */
export const IommuHwptLuSetPreserveRfc = struct('iommu_hwpt_lu_set_preserve', {
  size: u32,
  hwpt_id: u32,
  hwpt_token: u32,
  preserved: u32,
});
/** From April 2026 on. */
export const IommuHwptLiveupdateMarkPreserve = struct('iommu_hwpt_liveupdate_mark_preserve', {
  size: u32,
  hwpt_id: u32,
  hwpt_token: aligned(u64, 8),
});
export const IommuHwptAlloc = struct('iommu_hwpt_alloc', {
  size: u32,
  flags: u32,
  dev_id: u32,
  pt_id: u32,
  out_hwpt_id: u32,
  __reserved: reserved(u32),
  data_type: u32,
  data_len: u32,
  data_uptr: aligned(u64, 8),
  fault_id: u32,
  __reserved2: reserved(u32),
});
export const IommuIoasMapFile = struct('iommu_ioas_map_file', {
  size: u32,
  flags: u32,
  ioas_id: u32,
  fd: i32,
  start: aligned(u64, 8),
  length: aligned(u64, 8),
  iova: aligned(u64, 8),
});
export const IommuIoasAlloc = struct('iommu_ioas_alloc', { size: u32, flags: u32, out_ioas_id: u32 });
export const IommuDestroy = struct('iommu_destroy', { size: u32, id: u32 });

export const IOMMU_HWPT_ALLOC_FLAGS = Object.freeze({
  IOMMU_HWPT_ALLOC_NEST_PARENT: 1,
  IOMMU_HWPT_ALLOC_DIRTY_TRACKING: 2,
  IOMMU_HWPT_ALLOC_PASID: 8,
});
export const IOMMU_IOAS_MAP_FLAGS = Object.freeze({
  IOMMU_IOAS_MAP_FIXED_IOVA: 1,
  IOMMU_IOAS_MAP_WRITEABLE: 2,
  IOMMU_IOAS_MAP_READABLE: 4,
});

export interface IommufdIoctl {
  readonly name: string;
  /** The whole number, `_IO(0x3b, nr)`; undefined where the posting's is not known. */
  readonly number: number | undefined;
  readonly schema: Schema;
  /** In bytes. */
  readonly size: number;
  readonly source: string;
}
export const IOMMUFD_IOCTLS: readonly IommufdIoctl[] = Object.freeze([
  { name: 'IOMMU_DESTROY', number: 0x3b80, schema: IommuDestroy, size: 8, source: 'Linux 6.2' },
  { name: 'IOMMU_IOAS_ALLOC', number: 0x3b81, schema: IommuIoasAlloc, size: 12, source: 'Linux 6.2' },
  { name: 'IOMMU_HWPT_ALLOC', number: 0x3b89, schema: IommuHwptAlloc, size: 48, source: 'Linux 6.7' },
  { name: 'IOMMU_IOAS_MAP_FILE', number: 0x3b8f, schema: IommuIoasMapFile, size: 40, source: 'Linux 6.13' },
  {
    name: 'IOMMU_HWPT_LU_SET_PRESERVE(rfc)',
    number: undefined,
    schema: IommuHwptLuSetPreserveRfc,
    size: 16,
    source: 'RFC of 2025',
  },
  {
    name: 'IOMMU_HWPT_LU_SET_PRESERVE',
    number: 0x3b95,
    schema: IommuHwptLuSetPreserve,
    size: 12,
    source: 'series v1 of 2026-02-03, in no release up to Linux 7.2',
  },
  {
    name: 'IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE',
    number: undefined,
    schema: IommuHwptLiveupdateMarkPreserve,
    size: 16,
    source: 'series v2 of 2026-04-27 and later, in no release up to Linux 7.2',
  },
]);

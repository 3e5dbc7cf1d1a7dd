/** Cold start: every import here is part of what is timed, so the jit is imported only by its own task. */
import { ABI, decode, struct, u32, u64 } from '../../dist/node/codec/index.js';

const deviceSer = () =>
  struct(
    'device_ser',
    {
      ref_count: u32,
      flags: u32,
      devid: u32,
      pci_domain_nr: u32,
      token: u64,
      domain_phys: u64,
      iommu_phys: u64,
      pasid_table: u64,
    },
    { packed: true },
  );

export const tasks = {
  /** @param {Uint8Array} bytes */
  interpreter: (bytes) => decode(deviceSer(), bytes, { abi: ABI.x86_64 }),
  /** @param {Uint8Array} bytes */
  async jit(bytes) {
    const { jit } = await import('../../dist/node/codec/jit.js');
    return jit(deviceSer(), ABI.x86_64).decode(bytes);
  },
};

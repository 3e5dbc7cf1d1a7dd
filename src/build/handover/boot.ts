/** Builds how the next kernel is told where the root is: x86's setup data, or `/chosen` of a device tree. */
import { encode } from '../../codec/index.js';
import { type FDTNode, type FDTProperty, writeFDT } from '../../formats/fdt/index.js';
import { KhoData, KhoScratch, SETUP_KEXEC_KHO, SetupData } from '../../formats/kho/schema.js';
import type { Region } from '../memory.js';
import type { HandoverBuilder } from './builder.js';

export interface BuiltScratch {
  readonly addr: bigint;
  readonly size: bigint;
}

const SCRATCH_SIZE = 16;
/** The list of scratch areas is a segment of kexec, which begins at a multiple of 64 KiB. */
const SCRATCH_ALIGN = 65536;

/** Only where there are scratch areas to tell of: without, the root is found all the same. */
export function buildBoot(builder: HandoverBuilder, root: Region, scratch: readonly BuiltScratch[]): void {
  if (scratch.length === 0) return;
  const { memory, abi, pageSize } = builder;
  const length = scratch.length * SCRATCH_SIZE;
  const list = memory.region({
    label: 'scratch',
    size: length,
    align: Math.max(1, SCRATCH_ALIGN / pageSize),
  });
  for (const [i, area] of scratch.entries()) memory.write(list, i * SCRATCH_SIZE, KhoScratch, () => area);
  if (abi.name === 'x86_64') {
    const node = memory.region({ label: 'setup_data', size: pageSize });
    memory.fill(node, (bytes) => {
      bytes.set(encode(SetupData, { next: 0n, type: SETUP_KEXEC_KHO, len: 32 }, { abi }));
      const data = {
        fdt_addr: root.address,
        fdt_size: pageSize,
        scratch_addr: list.address,
        scratch_size: length,
      };
      bytes.set(encode(KhoData, data, { abi }), 16);
    });
    return;
  }
  const tree = memory.region({ label: 'the device tree', size: pageSize });
  memory.fill(tree, (bytes) => {
    const chosen: FDTNode = {
      name: 'chosen',
      properties: [
        cells('linux,kho-fdt', root.address, BigInt(pageSize)),
        cells('linux,kho-scratch', list.address, BigInt(length)),
      ],
      children: [],
    };
    const two = { value: Uint8Array.of(0, 0, 0, 2) };
    bytes.set(
      writeFDT({
        root: {
          name: '',
          properties: [
            { name: '#address-cells', ...two },
            { name: '#size-cells', ...two },
          ],
          children: [chosen],
        },
      }),
    );
  });
}

/** An address and a size as device trees have them: two big-endian cells each. */
function cells(name: string, address: bigint, size: bigint): FDTProperty {
  const value = new Uint8Array(16);
  const view = new DataView(value.buffer);
  view.setBigUint64(0, address);
  view.setBigUint64(8, size);
  return { name, value };
}

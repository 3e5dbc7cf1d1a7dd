/** What the boot protocol of x86 tells the next kernel of the handover. */
import { ABI, decode } from '../../codec/index.js';
import { type Image, isAbsence } from '../../memory/index.js';
import { type HandoverOptions, PAGE_SIZES } from './options.js';
import { KhoData, SETUP_KEXEC_KHO, SetupData } from './schema.js';
import { hexText } from './walk.js';

export interface Told {
  /** Physical address of the root. */
  readonly fdt: bigint | undefined;
  /** In bytes. */
  readonly pageSize: number | undefined;
  /** Where the list of scratch areas is, and its bytes. */
  readonly scratch: { readonly address: bigint; readonly size: bigint } | undefined;
  readonly because: readonly string[];
}

/** What the options give, and what the setup data that they give says; undefined what neither does. */
export function toldOf(image: Image, options: HandoverOptions): Told {
  const abi = ABI.x86_64;
  let data = options.khoData;
  const because: string[] = [];
  let at = options.setupData ?? 0n;
  // The list ends with 0; a hostile one may go round in circles.
  for (let i = 0; at !== 0n && data === undefined && i < 64; i++) {
    const head = image.read(at, 16);
    if (isAbsence(head)) break;
    const node = decode(SetupData, head, { abi });
    if (node.type === SETUP_KEXEC_KHO && node.len === 32) {
      const bytes = image.read(at + 16n, 32);
      if (!isAbsence(bytes)) data = bytes;
      because.push(`the setup_data node at ${hexText(at)} is of type 10`);
    }
    at = node.next;
  }
  if (data === undefined || data.length < 32) {
    if (options.khoFdt !== undefined) because.push(`the root is at ${hexText(options.khoFdt)}, as given`);
    return { fdt: options.khoFdt, pageSize: undefined, scratch: undefined, because };
  }
  const kho = decode(KhoData, data.subarray(0, 32), { abi });
  because.push(
    `kho_data says that the root is at ${hexText(kho.fdt_addr)} and has ${kho.fdt_size} bytes, which is a page`,
  );
  const size = PAGE_SIZES.find((candidate) => BigInt(candidate) === kho.fdt_size);
  return {
    fdt: options.khoFdt ?? kho.fdt_addr,
    pageSize: size,
    scratch: { address: kho.scratch_addr, size: kho.scratch_size },
    because,
  };
}

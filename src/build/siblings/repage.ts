/** The same files and FLBs on a machine with pages of another size: what counts pages counts others there. */
import { contentsOf } from '../handover/contents.js';
import type { FileSpec, FlbSpec, FolioSpec } from '../handover/spec.js';
import type { GuestMemfdSpec } from './guest-memfd.js';
import { type HugeFolioSpec, type HugeMemfdSpec, usualOrder } from './huge-memfd.js';
import type { HugetlbSpec } from './hugetlb.js';
import type { KvmVmSpec, MemAttrSpec } from './kvm-vm.js';

/** Sizes of pages in bytes, and where what has no place is told, in sentences. */
export interface Repage {
  readonly from: number;
  readonly to: number;
  readonly dropped: string[];
}

/** Undefined, and told, for a file that has no place at all. */
export function repagedFile(file: FileSpec, path: string, repage: Repage): FileSpec | undefined {
  // The spec of a file says which types these keys have.
  if (file.guest_memfd !== undefined)
    return { ...file, guest_memfd: guestMemfd(file.guest_memfd as GuestMemfdSpec, path, repage) };
  if (file.kvm_vm !== undefined) return { ...file, kvm_vm: kvmVm(file.kvm_vm as KvmVmSpec, path, repage) };
  if (file.huge_memfd === undefined) return file;
  const huge_memfd = hugeMemfd(file.huge_memfd as HugeMemfdSpec, path, repage);
  return huge_memfd === undefined ? undefined : { ...file, huge_memfd };
}
export function repagedFlb(flb: FlbSpec, path: string, repage: Repage): FlbSpec {
  if (flb.hugetlb === undefined) return flb;
  // The spec of an FLB says that this key has the type.
  const { hstates = [] } = flb.hugetlb as HugetlbSpec;
  return {
    ...flb,
    hugetlb: {
      hstates: hstates.flatMap((pool) => {
        const order = orderOf(pool.order, repage);
        if (order !== undefined) return [{ ...pool, order }];
        repage.dropped.push(`a pool of ${path}: ${tooSmall(pool.order, repage)}`);
        return [];
      }),
    },
  };
}

/** The order of huge pages of the same size; undefined where that is not more than a page. */
function orderOf(order: number, { from, to }: Repage): number | undefined {
  const other = order + Math.log2(from) - Math.log2(to);
  return other < 1 ? undefined : other;
}
function tooSmall(order: number, { from, to }: Repage): string {
  return `huge pages of ${from * 2 ** order} bytes are none where a page has ${to}`;
}

/** So many pages in pages of the other size; undefined where that is no whole number. */
function pagesOf(pages: number | bigint, { from, to }: Repage): bigint | undefined {
  const bytes = BigInt(pages) * BigInt(from);
  return bytes % BigInt(to) === 0n ? bytes / BigInt(to) : undefined;
}

function guestMemfd(spec: GuestMemfdSpec, path: string, repage: Repage): GuestMemfdSpec {
  const { size: said, folios, ...rest } = spec;
  const page = BigInt(repage.to);
  const up = (bytes: bigint, unit: bigint): bigint => ((bytes + unit - 1n) / unit) * unit;
  // Without a size it is as long as its contents, in whole pages.
  const size =
    said === undefined ? up(contentsOf(spec.contents, path).size, BigInt(repage.from)) : BigInt(said);
  const whole = up(size, page);
  if (whole !== size)
    repage.dropped.push(`that ${path} has ${size} bytes: it has ${whole}, whole pages of ${repage.to}`);
  const sized = { ...rest, ...(said === undefined ? {} : { size: whole }) };
  if (folios === undefined) return sized;
  const list: Omit<FolioSpec, 'order'>[] = [];
  let next = 0n;
  for (const { index = next, count = 1, flags } of folios) {
    const first = pagesOf(index, repage);
    const length = pagesOf(count, repage);
    if (first === undefined || length === undefined) {
      repage.dropped.push(
        `which pages ${path} has: they do not lie at multiples of ${repage.to} bytes; those of its contents are kept`,
      );
      return sized;
    }
    list.push({ index: first, count: Number(length), ...(flags === undefined ? {} : { flags }) });
    next = BigInt(index) + BigInt(count);
  }
  return { ...sized, folios: list };
}

function kvmVm(spec: KvmVmSpec, path: string, repage: Repage): KvmVmSpec {
  const { mem_attrs, ...rest } = spec;
  if (mem_attrs === undefined) return spec;
  const list: MemAttrSpec[] = [];
  for (const { gfn, count = 1, attributes } of mem_attrs) {
    const first = pagesOf(gfn, repage);
    const length = pagesOf(count, repage);
    if (first === undefined || length === undefined) {
      repage.dropped.push(
        `the attributes of memory of ${path}: they do not change at multiples of ${repage.to} bytes`,
      );
      return rest;
    }
    list.push({ gfn: first, count: Number(length), ...(attributes === undefined ? {} : { attributes }) });
  }
  return { ...rest, mem_attrs: list };
}

function hugeMemfd(spec: HugeMemfdSpec, path: string, repage: Repage): HugeMemfdSpec | undefined {
  const before = spec.order ?? usualOrder(repage.from);
  const order = orderOf(before, repage);
  if (order === undefined) {
    repage.dropped.push(`${path}: ${tooSmall(before, repage)}`);
    return undefined;
  }
  const folios: HugeFolioSpec[] = [];
  for (const { index, step, ...folio } of spec.folios ?? []) {
    // An index that counts huge pages is the same.
    const counted = step === 1 || index === undefined ? index : pagesOf(index, repage);
    if (index !== undefined && counted === undefined) {
      repage.dropped.push(`${path}: its huge pages do not lie at multiples of ${repage.to} bytes`);
      return undefined;
    }
    folios.push({
      ...folio,
      ...(counted === undefined ? {} : { index: counted }),
      ...(step === undefined ? {} : { step: step === 1 ? 1 : 2 ** order }),
    });
  }
  return { ...spec, order, ...(spec.folios === undefined ? {} : { folios }) };
}

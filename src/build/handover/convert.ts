/** The state of a handover in the layouts of another kernel or machine, as far as the meaning allows it. */
import type { Handover } from '../../formats/kho/index.js';
import { isRecord } from '../../formats/kho/record.js';
import { many } from '../../formats/kho/walk.js';
import { type Repage, repagedFile, repagedFlb } from '../siblings/repage.js';
import { wordOf } from '../words.js';
import type { BuildRegistry } from './extension.js';
import { generationsOf, machineOf } from './generations.js';
import { withLayouts } from './layouts.js';
import { BUILD_REGISTRY } from './registry.js';
import type { FileSpec, FolioSpec, HandoverSpec, MemfdSpec, PreservedSpec, SessionSpec } from './spec.js';
import { specOf } from './spec-of.js';

export interface ConvertTarget {
  /** The release of Linux whose layouts are wanted: `7.2`. */
  readonly kernel?: string;
  readonly kho?: HandoverSpec['kho'];
  readonly luo?: HandoverSpec['luo'];
  readonly memfd?: HandoverSpec['memfd'];
  readonly abi?: string;
  /** In bytes. */
  readonly pageSize?: number;
  /** Layouts of other parts by the names of their formats: `{ iommu: 'F2', 'vfio-pci': 'v2' }`. */
  readonly parts?: Readonly<Record<string, string>>;
}
export interface Converted {
  readonly spec: HandoverSpec;
  /** What has no place in the target, in sentences; nothing is left out without one. */
  readonly dropped: readonly string[];
  /** What the target says and the source does not, in sentences: it is what is built where nothing is said. */
  readonly supplied: readonly string[];
}
export interface ConvertOptions {
  /** Builders beside those of carryover. */
  readonly registry?: Partial<BuildRegistry>;
}

/**
 * Gives the spec of a handover for another kernel or machine. All contents are carried over, and everything
 * gets new addresses.
 *
 * @throws `build-value` for targets that do not exist.
 */
export function convertHandover(
  handover: Handover,
  target: ConvertTarget,
  options: ConvertOptions = {},
): Converted {
  const registry: BuildRegistry = {
    files: [...(options.registry?.files ?? []), ...BUILD_REGISTRY.files],
    flbs: [...(options.registry?.flbs ?? []), ...BUILD_REGISTRY.flbs],
  };
  const { spec, omitted } = specOf(handover, { inline: Number.MAX_SAFE_INTEGER, ...options });
  const dropped = [...omitted];
  const { kernel, kho, luo, memfd, ...rest } = spec;
  // A kernel or a root stands for all layouts of its time; the others change alone.
  const own = target.kernel === undefined && target.kho === undefined;
  const named = {
    ...(own && kernel !== undefined ? { kernel } : {}),
    ...(own && kho !== undefined ? { kho } : {}),
    ...(own && luo !== undefined ? { luo } : {}),
    ...(own && memfd !== undefined ? { memfd } : {}),
    ...(target.kernel === undefined ? {} : { kernel: target.kernel }),
    ...(target.kho === undefined ? {} : { kho: target.kho }),
    ...(target.luo === undefined ? {} : { luo: target.luo }),
    ...(target.memfd === undefined ? {} : { memfd: target.memfd }),
  };
  const wanted: HandoverSpec = {
    ...rest,
    ...named,
    ...(target.abi === undefined ? {} : { abi: target.abi }),
    ...(target.pageSize === undefined ? {} : { page_size: target.pageSize }),
  };
  if (isArm(machineOf(spec).name) !== isArm(machineOf(wanted).name)) tellOfTypes(wanted, dropped);
  const sized = withPages(wanted, handover.value.page_size, machineOf(wanted).pageSize, dropped);
  const placed = withGenerations(sized, handover.generation?.sized === true, registry, dropped);
  const { parts } = target;
  if (parts === undefined || Object.keys(parts).length === 0) return { spec: placed, dropped, supplied: [] };
  const told = withLayouts(placed, sized, parts, registry);
  return { spec: told.spec, dropped: [...dropped, ...told.dropped], supplied: told.supplied };
}

function isArm(machine: string): boolean {
  return machine.startsWith('aarch64');
}
/** KVM numbers the types of VMs for each architecture. */
function tellOfTypes({ sessions = [] }: HandoverSpec, dropped: string[]): void {
  for (const [i, { files = [] }] of sessions.entries())
    for (const [j, file] of files.entries())
      if (isRecord(file.kvm_vm) && file.kvm_vm.type !== undefined)
        dropped.push(
          `what the type of sessions[${i}].files[${j}].kvm_vm means: the number stays, and x86 and arm64 count types differently`,
        );
}

/** Leaves out what the generations of the target have no place for. */
function withGenerations(
  spec: HandoverSpec,
  handoverSized: boolean,
  registry: BuildRegistry,
  dropped: string[],
): HandoverSpec {
  const generations = generationsOf(spec);
  const { sessions, flbs, metadata, liveupdate_num, kho_test, ...rest } = spec;
  const hasLuo = generations.edited;
  const count = sessions?.length ?? 0;
  if (!hasLuo && count > 0)
    dropped.push(`${many(count, 'session')}: Linux ${generations.release} has no LUO`);
  const hasFlbs = hasLuo && generations.flbs;
  if (!hasFlbs && flbs !== undefined && flbs.length > 0)
    dropped.push(`${many(flbs.length, 'FLB')}: Linux ${generations.release} has none`);
  if (!generations.metadata && metadata !== undefined && metadata !== false)
    dropped.push(`kexec-metadata: Linux ${generations.release} has none`);
  if (!hasLuo && liveupdate_num !== undefined)
    dropped.push(`the number of live updates: Linux ${generations.release} has no LUO`);
  const blobs = Object.keys(rest.blobs ?? {});
  if (!generations.kho.sized && handoverSized && blobs.length > 0)
    dropped.push(`how long ${blobs.join(', ')} is: ${generations.kho.compatible} says no size of a blob`);
  const isUnlisted = kho_test?.nr_folios !== undefined && generations.test === 'inline';
  if (isUnlisted)
    dropped.push(
      `the number of folios of kho_test: the dump lacks their list, and ${generations.release} has it in the tree`,
    );
  const { nr_folios: _, ...listed } = kho_test ?? { folios: [] };
  return {
    ...rest,
    ...(kho_test === undefined ? {} : { kho_test: isUnlisted ? listed : kho_test }),
    ...(hasLuo && liveupdate_num !== undefined ? { liveupdate_num } : {}),
    ...(hasLuo && sessions !== undefined
      ? {
          sessions: sessions.map((session, i) =>
            sessionFor(session, `sessions[${i}]`, (file, path) =>
              fileFor(
                hasFlbs ? file : fileWithoutFlbs(file, path, sessions, registry, dropped),
                generations.memfd,
                path,
                dropped,
              ),
            ),
          ),
        }
      : {}),
    ...(hasFlbs && flbs !== undefined ? { flbs } : {}),
    ...(generations.metadata && metadata !== undefined ? { metadata } : {}),
  };
}

function sessionFor(
  session: SessionSpec,
  path: string,
  convert: (file: FileSpec, path: string) => FileSpec,
): SessionSpec {
  if (session.files === undefined) return session;
  return { ...session, files: session.files.map((file, i) => convert(file, `${path}.files[${i}]`)) };
}

function fileWithoutFlbs(
  file: FileSpec,
  path: string,
  sessions: readonly SessionSpec[],
  registry: BuildRegistry,
  dropped: string[],
): FileSpec {
  const builder = registry.files.find(({ key }) => file[key] !== undefined);
  if (builder?.withoutFlbs === undefined) return file;
  const lost = (text: string): void => void dropped.push(`${path}.${builder.key}.${text}`);
  return {
    ...file,
    [builder.key]: builder.withoutFlbs(file[builder.key], { sessions, lost, supplied: () => undefined }),
  };
}

function fileFor(file: FileSpec, version: 1 | 2, path: string, dropped: string[]): FileSpec {
  const { memfd, compatible, ...rest } = file;
  if (memfd === undefined) return file;
  if (version === 2) return { ...rest, memfd };
  const { seals, flags, ...others } = memfd;
  if (seals !== undefined && seals !== 1) dropped.push(`the seals of ${path}: memfd-v1 has no seals`);
  if (flags !== undefined && flags !== 0) dropped.push(`the flags of ${path}: memfd-v1 has no flags`);
  return { ...rest, memfd: others };
}

/** The same contents in pages of another size. */
function withPages(spec: HandoverSpec, from: number, to: number, dropped: string[]): HandoverSpec {
  if (from === to) return spec;
  const { sessions, flbs, memblock, kho_test, preserved, ...rest } = spec;
  for (const [name, { size }] of Object.entries(memblock ?? {})) {
    const bytes = size === undefined ? 0n : wordOf(size, `memblock.${name}.size`);
    if (bytes % BigInt(to) !== 0n)
      dropped.push(
        `the size of memblock.${name}, ${bytes} bytes: regions have whole pages, of ${to} bytes there`,
      );
  }
  return {
    ...rest,
    ...(sessions === undefined
      ? {}
      : {
          sessions: sessions.map((session, i) => ({
            ...session,
            ...(session.files === undefined
              ? {}
              : {
                  files: session.files.flatMap((file, j) =>
                    filePaged(file, `sessions[${i}].files[${j}]`, { from, to, dropped }),
                  ),
                }),
          })),
        }),
    ...(flbs === undefined
      ? {}
      : { flbs: flbs.map((flb, i) => repagedFlb(flb, `flbs[${i}]`, { from, to, dropped })) }),
    ...(memblock === undefined ? {} : { memblock }),
    ...(kho_test === undefined
      ? {}
      : {
          kho_test: {
            ...kho_test,
            folios: kho_test.folios.map((folio) => ({
              ...folio,
              order: orderFor(folio.order ?? 0, from, to),
            })),
          },
        }),
    ...(preserved === undefined
      ? {}
      : { preserved: preserved.map((blocks): PreservedSpec => repagedBlocks(blocks, from, to)) }),
  };
}

/** The file with pages of the other size, or none. */
function filePaged(file: FileSpec, path: string, repage: Repage): readonly FileSpec[] {
  const { from, to, dropped } = repage;
  if (file.memfd !== undefined) return [{ ...file, memfd: repaged(file.memfd, from, to, path, dropped) }];
  const other = repagedFile(file, path, repage);
  return other === undefined ? [] : [other];
}

/** The order of the smallest block of the new pages that holds one of the old. */
function orderFor(order: number, from: number, to: number): number {
  return Math.max(0, order + Math.log2(from) - Math.log2(to));
}
function repagedBlocks(
  { order = 0, count = 1, ...rest }: PreservedSpec,
  from: number,
  to: number,
): PreservedSpec {
  const bytes = count * from * 2 ** order;
  const other = orderFor(order, from, to);
  return { ...rest, order: other, count: Math.ceil(bytes / (to * 2 ** other)) };
}

/** Folios of the new page size; where they are smaller than a page, the pages that they touch. */
function repaged(memfd: MemfdSpec, from: number, to: number, path: string, dropped: string[]): MemfdSpec {
  const { folios, folio_order, ...rest } = memfd;
  const order = orderFor(folio_order ?? 0, from, to);
  const size = (order === 0 ? {} : { folio_order: order }) satisfies Partial<MemfdSpec>;
  if (folios === undefined) return { ...rest, ...size };
  const runs = unitsOf(folios, from, to);
  if (runs === undefined) {
    dropped.push(
      `which folios ${path} has: they do not lie at multiples of ${to} bytes; those of its contents are kept`,
    );
    return { ...rest, ...size };
  }
  return { ...rest, folios: runs };
}

/** Runs of folios in pages of another size; undefined where they do not begin and end at such pages. */
function unitsOf(folios: readonly FolioSpec[], from: number, to: number): FolioSpec[] | undefined {
  const runs: FolioSpec[] = [];
  let next = 0;
  for (const { index, order = 0, count = 1, flags } of folios) {
    const start = index === undefined ? next : Number(index) * from;
    const end = start + count * from * 2 ** order;
    const other = orderFor(order, from, to);
    const unit = to * 2 ** other;
    if (start % unit !== 0 || end % unit !== 0) return undefined;
    runs.push({
      index: BigInt(start / to),
      order: other,
      count: (end - start) / unit,
      ...(flags === undefined ? {} : { flags }),
    });
    next = end;
  }
  return runs;
}

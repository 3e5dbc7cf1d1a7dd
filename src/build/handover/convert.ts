/** The state of a handover in the layouts of another kernel or machine, as far as the meaning allows it. */
import type { Handover } from '../../formats/kho/index.js';
import { type Repage, repagedFile, repagedFlb } from '../siblings/repage.js';
import { generationsOf, machineOf } from './generations.js';
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
}
export interface Converted {
  readonly spec: HandoverSpec;
  /** What has no place in the target, in sentences; nothing is left out without one. */
  readonly dropped: readonly string[];
}

/**
 * Gives the spec of a handover for another kernel or machine. All contents are carried over, and everything
 * gets new addresses.
 *
 * @throws `build-value` for targets that do not exist.
 */
export function convertHandover(handover: Handover, target: ConvertTarget): Converted {
  const { spec, omitted } = specOf(handover, { inline: Number.MAX_SAFE_INTEGER });
  const dropped = [...omitted];
  const { kernel, kho, luo, memfd, ...rest } = spec;
  const named =
    (target.kernel ?? target.kho ?? target.luo ?? target.memfd)
      ? {
          ...(target.kernel === undefined ? {} : { kernel: target.kernel }),
          ...(target.kho === undefined ? {} : { kho: target.kho }),
          ...(target.luo === undefined ? {} : { luo: target.luo }),
          ...(target.memfd === undefined ? {} : { memfd: target.memfd }),
        }
      : {
          ...(kernel === undefined ? {} : { kernel }),
          ...(kho === undefined ? {} : { kho }),
          ...(luo === undefined ? {} : { luo }),
          ...(memfd === undefined ? {} : { memfd }),
        };
  const wanted: HandoverSpec = {
    ...rest,
    ...named,
    ...(target.abi === undefined ? {} : { abi: target.abi }),
    ...(target.pageSize === undefined ? {} : { page_size: target.pageSize }),
  };
  const sized = withPages(wanted, handover.value.page_size, machineOf(wanted).pageSize, dropped);
  return { spec: withGenerations(sized, dropped), dropped };
}

/** Leaves out what the generations of the target have no place for. */
function withGenerations(spec: HandoverSpec, dropped: string[]): HandoverSpec {
  const generations = generationsOf(spec);
  const { sessions, flbs, metadata, liveupdate_num, ...rest } = spec;
  const hasLuo = generations.edited;
  const count = sessions?.length ?? 0;
  if (!hasLuo && count > 0) dropped.push(`${count} sessions: Linux ${generations.release} has no LUO`);
  const hasFlbs = hasLuo && generations.flbs;
  if (!hasFlbs && flbs !== undefined && flbs.length > 0)
    dropped.push(`${flbs.length} FLBs: Linux ${generations.release} has none`);
  if (!generations.metadata && metadata !== undefined && metadata !== false)
    dropped.push(`kexec-metadata: Linux ${generations.release} has none`);
  if (!hasLuo && liveupdate_num !== undefined)
    dropped.push(`the number of live updates: Linux ${generations.release} has no LUO`);
  return {
    ...rest,
    ...(hasLuo && liveupdate_num !== undefined ? { liveupdate_num } : {}),
    ...(hasLuo && sessions !== undefined
      ? {
          sessions: sessions.map((session, i) =>
            sessionFor(session, generations.memfd, `sessions[${i}]`, dropped),
          ),
        }
      : {}),
    ...(hasFlbs && flbs !== undefined ? { flbs } : {}),
    ...(generations.metadata && metadata !== undefined ? { metadata } : {}),
  };
}

function sessionFor(session: SessionSpec, version: 1 | 2, path: string, dropped: string[]): SessionSpec {
  if (session.files === undefined) return session;
  return {
    ...session,
    files: session.files.map((file, i) => fileFor(file, version, `${path}.files[${i}]`, dropped)),
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
  const { sessions, flbs, kho_test, preserved, ...rest } = spec;
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

/** From a handover that was read back to the spec that would build it. */
import { findABI } from '../../codec/index.js';
import type { Handover, HandoverValue } from '../../formats/kho/index.js';
import { RECEIVERS } from '../../formats/kho/index.js';
import { isRecord } from '../../formats/kho/record.js';
import { KHO } from '../../formats/kho/rules.js';
import { many } from '../../formats/kho/walk.js';
import type { LuoFile, LuoFlb, LuoSession, LuoValue } from '../../formats/luo/index.js';
import { piecesOfMemory, piecesOfRuns } from './contents-of.js';
import { dependants } from './dependants.js';
import { Describer, type SpecOfOptions } from './describer.js';
import type { BuildRegistry } from './extension.js';
import { BUILD_REGISTRY } from './registry.js';
import type {
  BlobSpec,
  FileSpec,
  FlbSpec,
  HandoverSpec,
  KhoTestSpec,
  PreservedSpec,
  ReserveMemSpec,
  SessionSpec,
} from './spec.js';

export interface SpecOf {
  readonly spec: HandoverSpec;
  /** What the spec does not say, in sentences. */
  readonly omitted: readonly string[];
}

/**
 * The spec of a handover: built, it gives an image that means the same. Problems are not part of specs, so that
 * what is built of an unsound handover is sound.
 */
export function specOf(
  handover: Handover,
  options: SpecOfOptions & {
    /** Builders beside those of carryover. */ readonly registry?: Partial<BuildRegistry>;
  } = {},
): SpecOf {
  const describer = new Describer(handover, options);
  const registry: BuildRegistry = {
    files: [...(options.registry?.files ?? []), ...BUILD_REGISTRY.files],
    flbs: [...(options.registry?.flbs ?? []), ...BUILD_REGISTRY.flbs],
  };
  const { value, findings } = handover;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  if (errors > 0)
    describer.omitted.push(`${many(errors, 'error')} that carryover check finds: what is built is sound`);
  const { entries } = value;
  const luo = luoOf(entries);
  const spec: HandoverSpec = {
    ...generationsOf(handover, luo),
    ...machineOf(handover),
    ...(value.scratch === undefined || value.scratch.length === 0 ? {} : { scratch: value.scratch }),
    ...(luo?.liveupdate_num === undefined || luo.liveupdate_num === 1n
      ? {}
      : { liveupdate_num: luo.liveupdate_num }),
    ...(luo === undefined ? {} : luoParts(luo, describer, registry)),
    ...nodesOf(value, describer),
    ...preservedOf(describer),
  };
  return { spec, omitted: describer.omitted };
}

function luoOf(entries: Readonly<Record<string, unknown>>): LuoValue | undefined {
  const { LUO } = entries;
  // What the decoder of this node gives, where it could be read at all.
  return isRecord(LUO) && typeof LUO.compatible === 'string' && LUO.unknown === undefined
    ? (LUO as unknown as LuoValue)
    : undefined;
}

/** A release where one wrote all of it, else the generations. */
function generationsOf(handover: Handover, luo: LuoValue | undefined): HandoverSpec {
  const { generation, walk } = handover;
  if (generation === undefined) return {};
  const first = walk.findings.count(KHO['radix-depth']) > 0;
  const memfd = luo?.sessions
    .flatMap(({ files }) => files)
    .find(({ compatible }) => compatible.startsWith('memfd-v'))?.compatible;
  const metadata = handover.value.entries['kexec-metadata'];
  const previous = isRecord(metadata) ? metadata.previous_release : undefined;
  const fitting = RECEIVERS.filter(
    (kernel) =>
      kernel.root === generation.compatible &&
      kernel.map === generation.map &&
      kernel.luo === luo?.compatible &&
      (luo === undefined || luo.flb_node === undefined || luo.flb_node === kernel.flbs) &&
      (memfd === undefined || memfd === kernel.memfd) &&
      (metadata === undefined || kernel.metadata),
  );
  const kernel =
    fitting.find(({ release }) => typeof previous === 'string' && previous.startsWith(`${release}.`)) ??
    fitting[fitting.length - 1];
  if (kernel !== undefined && !first) return { kernel: kernel.release };
  const version = luo?.compatible.replace(/^luo-/, '').replace(/;.*$/, '');
  return {
    kho: first ? 'v2-first' : generation.name,
    ...(version === 'v1' || version === 'v2' || version === 'v3' || version === 'v4' || version === 'v5'
      ? { luo: version === 'v1' && luo?.flb_node === false ? 'v1-6.19' : version }
      : {}),
    ...(memfd === undefined ? {} : { memfd: memfd.startsWith('memfd-v1') ? 'v1' : 'v2' }),
  };
}

function machineOf({ abi, walk }: Handover): HandoverSpec {
  const { name } = walk.image.machine;
  const known = findABI(name) ?? findABI(abi.name);
  return {
    ...(known === undefined || known.name === 'x86_64' ? {} : { abi: known.name }),
    ...(abi.pageSize === 4096 ? {} : { page_size: abi.pageSize }),
  };
}

function luoParts(luo: LuoValue, describer: Describer, registry: BuildRegistry): HandoverSpec {
  const handlers = luo.sessions.flatMap(({ files }) => files.map(({ compatible }) => compatible));
  // FLBs give names to what files refer to.
  const flbs = luo.flbs.map((flb, i) => flbOf(flb, handlers, `flbs[${i}]`, describer, registry));
  const sessions = luo.sessions.map((session, i) =>
    sessionOf(session, `sessions[${i}]`, describer, registry),
  );
  return {
    ...(sessions.length === 0 ? {} : { sessions }),
    ...(flbs.length === 0 ? {} : { flbs }),
  };
}

function sessionOf(
  { name, files }: LuoSession,
  path: string,
  describer: Describer,
  registry: BuildRegistry,
): SessionSpec {
  if (files.length === 0) return { name };
  return {
    name,
    files: files.map((file, i) => fileOf(file, name, `${path}.files[${i}]`, describer, registry)),
  };
}

function fileOf(
  file: LuoFile,
  session: string,
  path: string,
  describer: Describer,
  registry: BuildRegistry,
): FileSpec {
  const { token, compatible, data } = file;
  const builder = registry.files.find(({ key }) => file[key] !== undefined);
  if (builder === undefined) {
    if (data !== 0n)
      describer.omitted.push(`what the data of ${path} (${compatible}) points at, if it is an address`);
    return { token, compatible, data };
  }
  const value = builder.describe(file[builder.key], describer, { session, token, path });
  return { token, ...builder.saysCompatible(compatible, describer, file[builder.key]), [builder.key]: value };
}

function flbOf(
  flb: LuoFlb,
  handlers: readonly string[],
  path: string,
  describer: Describer,
  registry: BuildRegistry,
): FlbSpec {
  const { name, data, count } = flb;
  const builder = registry.flbs.find(({ key }) => flb[key] !== undefined);
  const counted = count === BigInt(dependants(handlers, builder?.dependsOn)) ? {} : { count };
  if (builder === undefined) return { name, data, ...counted };
  return { name, ...counted, [builder.key]: builder.describe(flb[builder.key], describer, path) };
}

/** Nodes that have keys of their own in specs; all others are blobs. */
const KNOWN_NODES: ReadonlySet<string> = new Set(['LUO', 'memblock', 'kexec-metadata', 'kho_test']);

function nodesOf({ entries }: HandoverValue, describer: Describer): HandoverSpec {
  const { memblock, kho_test } = entries;
  const metadata = entries['kexec-metadata'];
  const blobs: [string, BlobSpec][] = [];
  for (const { name, data, size } of describer.handover.root.nodes) {
    const value = entries[name];
    const isKnown = KNOWN_NODES.has(name) && isRecord(value) && value.unknown === undefined;
    if (isKnown || data === undefined || !isRecord(value)) continue;
    const length = size ?? BigInt(typeof value.size === 'number' ? value.size : 0);
    const path = `blobs.${name}`;
    const { contents } = describer.contents(
      path,
      piecesOfMemory(describer.handover.walk.image, data, length, describer.inline),
    );
    if (contents !== undefined) blobs.push([name, { contents, ...describer.at(data) }]);
  }
  const hasMetadata = isRecord(metadata) && metadata.unknown === undefined;
  const sized = describer.handover.generation?.sized === true;
  return {
    ...(isRecord(memblock) && memblock.unknown === undefined
      ? { memblock: memblockOf(memblock, describer) }
      : {}),
    ...(hasMetadata
      ? {
          metadata: {
            ...(typeof metadata.previous_release === 'string' && {
              previous_release: metadata.previous_release,
            }),
            ...(typeof metadata.kexec_count === 'number' && { kexec_count: metadata.kexec_count }),
          },
        }
      : sized
        ? { metadata: false }
        : {}),
    ...(isRecord(kho_test) && kho_test.unknown === undefined
      ? { kho_test: khoTestOf(kho_test, describer) }
      : {}),
    ...(blobs.length === 0 ? {} : { blobs: Object.fromEntries(blobs) }),
  };
}

function memblockOf(
  memblock: Readonly<Record<string, unknown>>,
  describer: Describer,
): Readonly<Record<string, ReserveMemSpec>> {
  const regions: [string, ReserveMemSpec][] = [];
  for (const [name, region] of Object.entries(memblock)) {
    if (!isRecord(region)) continue;
    const { start, size } = region;
    if (typeof start !== 'bigint' || typeof size !== 'bigint') continue;
    const pieces = piecesOfMemory(describer.handover.walk.image, start, size, describer.inline);
    regions.push([name, { size, ...describer.at(start), ...describer.contents(`memblock.${name}`, pieces) }]);
  }
  return Object.fromEntries(regions);
}

function khoTestOf(test: Readonly<Record<string, unknown>>, describer: Describer): KhoTestSpec {
  const { csum, folios, nr_folios } = test;
  const { image, pageSize } = describer.handover.walk;
  const list: readonly unknown[] = Array.isArray(folios) ? folios : [];
  const missing = typeof nr_folios === 'number' ? nr_folios - list.length : 0;
  if (list.length > 0 && missing > 0)
    describer.omitted.push(`${missing} of ${nr_folios} folios of kho_test: their list is not readable`);
  return {
    folios: list.flatMap((folio, i) => {
      if (!isRecord(folio) || typeof folio.address !== 'bigint' || typeof folio.order !== 'number') return [];
      const size = BigInt(pageSize) << BigInt(folio.order);
      const pieces = piecesOfMemory(image, folio.address, size, describer.inline);
      return [
        {
          ...(folio.order === 0 ? {} : { order: folio.order }),
          ...describer.at(folio.address),
          ...describer.contents(`kho_test.folios[${i}]`, pieces),
        },
      ];
    }),
    ...(list.length === 0 && missing > 0 ? { nr_folios: missing } : {}),
    // The dump may lack what it was taken over.
    ...(typeof csum === 'number' ? { csum } : {}),
  };
}

/** Preserved memory that nobody is known to own. */
function preservedOf(describer: Describer): HandoverSpec {
  const { walk } = describer.handover;
  if (!walk.map.complete || !walk.claims.complete) return {};
  const pageSize = BigInt(walk.pageSize);
  const groups: { order: number; pages: number; runs: { address: bigint; size: bigint }[] }[] = [];
  for (const { pfn, pages, order } of walk.claims.unclaimed(walk.map)) {
    // Parts of blocks that somebody else owns the rest of cannot be had alone.
    if (pfn % 2 ** order !== 0 || pages % 2 ** order !== 0) continue;
    const run = { address: BigInt(pfn) * pageSize, size: BigInt(pages) * pageSize };
    const last = groups[groups.length - 1];
    // Without addresses blocks of one order follow each other.
    if (!describer.addresses && last?.order === order) {
      last.pages += pages;
      last.runs.push(run);
    } else groups.push({ order, pages, runs: [run] });
  }
  const preserved = groups.map(({ order, pages, runs }, i): PreservedSpec => {
    const count = pages / 2 ** order;
    const pieces = piecesOfRuns(walk.image, runs, describer.inline);
    return {
      ...describer.at(runs[0]?.address),
      ...(order === 0 ? {} : { order }),
      ...(count === 1 ? {} : { count }),
      ...describer.contents(`preserved[${i}]`, pieces),
    };
  });
  return preserved.length === 0 ? {} : { preserved };
}

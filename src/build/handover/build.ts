/** Builds a handover: from a description of its state to the memory that a kernel would leave. */
import type { ABI } from '../../codec/index.js';
import type { FDTNode } from '../../formats/fdt/index.js';
import { type Machine, type MemoryContents, type MemorySegment, machineOfABI } from '../../memory/index.js';
import { buildError } from '../build-error.js';
import { MemoryBuilder, PHYS_BITS, type Region } from '../memory.js';
import { wordOf } from '../words.js';
import { type BuiltScratch, buildBoot } from './boot.js';
import { HandoverBuilder, textProperty } from './builder.js';
import { contentsOf, type FileReader, slice } from './contents.js';
import type { BuildRegistry, BuiltNode } from './extension.js';
import { type BuiltGenerations, generationsOf, machineOf } from './generations.js';
import { buildLuo } from './luo.js';
import { blocksOf, buildMap } from './map.js';
import { buildBlob, buildKhoTest, buildMemblock, buildMetadata } from './nodes.js';
import { BUILD_REGISTRY } from './registry.js';
import type { HandoverSpec } from './spec.js';

export interface BuildOptions {
  /** Gives the content of files for `file:`. */
  readonly readFile?: FileReader;
  /** Builders beside those of carryover. */
  readonly registry?: Partial<BuildRegistry>;
}

export interface BuiltHandover {
  readonly abi: ABI;
  readonly machine: Machine;
  readonly generations: BuiltGenerations;
  /** Physical address of the root. */
  readonly root: bigint;
  /** The blobs of the nodes of the root by their names. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** The root itself, as long as its tree is. */
  readonly fdt: Uint8Array;
  readonly scratch: readonly BuiltScratch[];
  readonly regions: readonly Region[];
  /** What memory holds, by ascending address. */
  readonly segments: readonly MemorySegment[];
}

/**
 * Builds the memory of a handover. Sizes and addresses are in bytes, and every address that is not given is
 * chosen, the same way every time.
 *
 * @throws CarryoverError `build-value`, `build-address`, `build-overlap`, `build-full`, with the path in the spec.
 * @example
 * const built = buildHandover({ sessions: [{ name: 'vm', files: [{ token: 1, memfd: { contents: 'hello' } }] }] });
 * built.generations.kho.name // => "v4"
 */
export function buildHandover(spec: HandoverSpec, options: BuildOptions = {}): BuiltHandover {
  const abi = machineOf(spec);
  const generations = generationsOf(spec);
  const scratch = scratchOf(spec, abi.pageSize);
  const memory = new MemoryBuilder({
    abi,
    base: spec.memory?.base === undefined ? undefined : baseOf(spec.memory.base),
    seed: spec.memory?.seed,
    reserved: scratch.map(({ addr, size }, i) => ({ address: addr, size, label: `scratch[${i}]` })),
  });
  const builder = new HandoverBuilder(memory, generations, registryOf(options.registry), options.readFile);
  const nodes = buildNodes(builder, spec);
  buildPreserved(builder, spec);
  const root = buildRoot(builder, nodes);
  // The map lists what was allocated up to here; its own pages come after, and are not in it.
  memory.place();
  const map = buildMap(builder, blocksOf(memory.regions));
  root.setMap(map);
  buildBoot(builder, root.region, scratch);
  memory.finish();
  return {
    abi,
    machine: machineOfABI(abi),
    generations,
    root: root.region.address,
    blobs: new Map(nodes.map(({ name, region, size }) => [name, region.bytes.slice(0, size())])),
    fdt: root.region.bytes.slice(0, root.size()),
    scratch,
    regions: memory.regions,
    segments: [...memory.segments()],
  };
}

const LAST = 1n << BigInt(PHYS_BITS);

function baseOf(base: number | bigint): bigint {
  const address = wordOf(base, 'memory.base');
  if (address >= LAST)
    throw buildError('build-address', 'memory.base', `it lies behind the last address, 2^${PHYS_BITS}`);
  return address;
}

function scratchOf(spec: HandoverSpec, pageSize: number): BuiltScratch[] {
  return (spec.scratch ?? []).map(({ addr, size }, i) => {
    const path = `scratch[${i}]`;
    const area = { addr: wordOf(addr, `${path}.addr`), size: wordOf(size, `${path}.size`) };
    for (const name of ['addr', 'size'] as const)
      if (area[name] % BigInt(pageSize) !== 0n)
        throw buildError(
          'build-address',
          `${path}.${name}`,
          `a scratch area consists of pages: 0x${area[name].toString(16)} is no multiple of 0x${pageSize.toString(16)}`,
        );
    if (area.addr + area.size > LAST)
      throw buildError('build-address', path, `it would end behind the last address, 2^${PHYS_BITS}`);
    return area;
  });
}

/** What is built, as the writers of dumps take it. */
export function contentsOfBuilt({ segments, machine, abi }: BuiltHandover): MemoryContents {
  return { segments, machine, pageSize: abi.pageSize };
}

function registryOf(more: Partial<BuildRegistry> | undefined): BuildRegistry {
  return {
    files: [...(more?.files ?? []), ...BUILD_REGISTRY.files],
    flbs: [...(more?.flbs ?? []), ...BUILD_REGISTRY.flbs],
  };
}

/** In the order in which kernels register them. */
function buildNodes(builder: HandoverBuilder, spec: HandoverSpec): BuiltNode[] {
  const { generations } = builder;
  const nodes: BuiltNode[] = [];
  const metadata = spec.metadata ?? (generations.metadata ? {} : false);
  if (metadata !== false)
    nodes.push(buildMetadata(builder, { kexec_count: countOf(spec.liveupdate_num ?? 1), ...metadata }));
  if (spec.kho_test !== undefined) nodes.push(buildKhoTest(builder, spec.kho_test));
  if (generations.edited) nodes.push(buildLuo(builder, spec));
  else
    for (const part of ['sessions', 'flbs'] as const)
      if ((spec[part] ?? []).length > 0)
        throw buildError('build-value', part, `Linux ${generations.release} has no LUO, and so no ${part}`);
  if (spec.memblock !== undefined) nodes.push(buildMemblock(builder, spec.memblock));
  const names = new Set(nodes.map(({ name }) => name));
  for (const [name, blob] of Object.entries(spec.blobs ?? {})) {
    if (names.has(name))
      throw buildError('build-value', `blobs.${name}`, 'there is a node of this name already');
    nodes.push(buildBlob(builder, name, blob));
  }
  return nodes;
}

/** The count of kexecs has only 32 bits. */
function countOf(liveUpdates: number | bigint): number {
  const count = wordOf(liveUpdates, 'liveupdate_num');
  return count > 0xffffffffn ? 0xffffffff : Number(count);
}

/** Preserved memory that no node leads to. */
function buildPreserved(builder: HandoverBuilder, spec: HandoverSpec): void {
  for (const [i, { at, order = 0, count = 1, contents }] of (spec.preserved ?? []).entries()) {
    const path = `preserved[${i}]`;
    if (order < 0 || order > 40 || count < 1)
      throw buildError('build-value', path, `there are no ${count} blocks of order ${order}`);
    const size = BigInt(count) * BigInt(builder.pageSize) * (1n << BigInt(order));
    const held = contentsOf(contents, `${path}.contents`, builder.readFile);
    if (held.size > size)
      throw buildError('build-value', path, `the contents have ${held.size} bytes, the blocks ${size}`);
    builder.memory.region({
      label: path,
      size,
      at: at === undefined ? undefined : wordOf(at, `${path}.at`),
      preserve: { order },
      parts: [...slice(held, 0n, size)],
    });
  }
}

interface BuiltRoot {
  readonly region: Region;
  size(): number;
  setMap(address: () => bigint): void;
}

/**
 * The root is a page. From 6.19 on it is made at boot, and nodes are added to it one by one, which puts the
 * newest first and the property that was set last before the others; before, it is written at once.
 */
function buildRoot(builder: HandoverBuilder, nodes: readonly BuiltNode[]): BuiltRoot {
  const { kho, edited } = builder.generations;
  let map: () => bigint = () => 0n;
  const child = ({ name, region, size }: BuiltNode): FDTNode => {
    const data = builder.native(kho.data, region.address);
    return {
      name,
      properties: kho.sized ? [builder.native('blob-size', size()), data] : [data],
      children: [],
    };
  };
  const tree = (): FDTNode => {
    const head = [builder.native('preserved-memory-map', map()), textProperty('compatible', kho.compatible)];
    const children = nodes.map(child);
    return {
      name: '',
      properties: edited ? head : head.reverse(),
      children: edited ? children.reverse() : children,
    };
  };
  // Before 6.19 the page is not preserved: it is allocated where the next kernel does not reach.
  const built = builder.tree('fdt', tree, edited ? 'read-write' : 'sequential', edited);
  return {
    ...built,
    setMap: (address) => {
      map = address;
    },
  };
}

/** Which layouts a kernel writes together, and on which machine. */
import { type ABI, ABI_NAMES, ABI as ABIS, findABI, withParts } from '../../codec/index.js';
import { suggest } from '../../codec/suggest.js';
import { KHO_GENERATIONS, type KhoGeneration, RECEIVERS } from '../../formats/kho/index.js';
import { LUO_GENERATIONS, type LuoGeneration } from '../../formats/luo/index.js';
import { buildError } from '../build-error.js';
import type { HandoverSpec } from './spec.js';

export interface BuiltGenerations {
  /** Of Linux: `7.2`. */
  readonly release: string;
  readonly kho: KhoGeneration;
  /** kho-v2 as first committed: where pages have 16 KiB its tree is a level short. */
  readonly first: boolean;
  readonly luo: LuoGeneration;
  /** luo-v1 with the node of FLBs, as from 7.0 on. */
  readonly flbs: boolean;
  readonly memfd: 1 | 2;
  /** Whether the root was made at boot and edited since, as from 6.19 on, or written at once. */
  readonly edited: boolean;
  readonly metadata: boolean;
  /** How the kernel's own test lists its folios. */
  readonly test: 'inline' | 'vmalloc';
}

/** The kernel that writes each layout of the root, for specs that give only that. */
const WRITERS = { v1a: '6.17', v1b: '7.0', v2: '7.1', 'v2-first': '7.1', v3: '7.1', v4: '7.2' } as const;

/** @throws `build-value` for a kernel or a generation that does not exist. */
export function generationsOf(spec: HandoverSpec): BuiltGenerations {
  const release = spec.kernel ?? (spec.kho === undefined ? '7.3' : WRITERS[spec.kho]);
  const kernel = RECEIVERS.find((candidate) => candidate.release === release);
  if (kernel === undefined)
    throw buildError(
      'build-value',
      'kernel',
      `Linux ${release} is none of ${RECEIVERS.map((each) => each.release).join(', ')}`,
    );
  const wanted = spec.kho === 'v2-first' ? 'v2' : spec.kho;
  const kho = KHO_GENERATIONS.find(({ name, compatible, map }) =>
    wanted === undefined ? compatible === kernel.root && map === kernel.map : name === wanted,
  );
  if (kho === undefined) throw buildError('build-value', 'kho', `there is no generation ${spec.kho}`);
  const name = spec.luo ?? kernel.luo?.replace(/^luo-/, '') ?? 'v1';
  const luo = LUO_GENERATIONS.find((generation) => generation.name === name.replace(/-.*$/, ''));
  if (luo === undefined) throw buildError('build-value', 'luo', `there is no generation ${name}`);
  return {
    release,
    kho,
    first: spec.kho === 'v2-first',
    luo,
    flbs: spec.luo === undefined ? kernel.flbs : spec.luo !== 'v1-6.19',
    memfd: spec.memfd === undefined ? (kernel.memfd === 'memfd-v1' ? 1 : 2) : spec.memfd === 'v1' ? 1 : 2,
    edited: kernel.luo !== undefined || spec.luo !== undefined,
    // It came with the size of blobs, which kho-v2 does not have.
    metadata: kernel.metadata && kho.sized,
    test: kernel.test ?? 'inline',
  };
}

const PAGE_SIZES = [4096, 16384, 65536];

/** @throws `build-value` for a machine that has no KHO. */
export function machineOf(spec: HandoverSpec): ABI {
  const name = spec.abi ?? (spec.page_size === undefined || spec.page_size === 4096 ? 'x86_64' : 'aarch64');
  const abi = findABI(name);
  if (abi === undefined) {
    const near = suggest(name, ABI_NAMES);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    throw buildError('build-value', 'abi', `there is no ABI ${JSON.stringify(name)}${hint}`);
  }
  if (abi.pointerSize !== 8)
    throw buildError('build-value', 'abi', `${name} has 32 bits; kernels hand over on machines of 64 bits`);
  const pageSize = spec.page_size ?? (abi === ABIS.x86_64 ? 4096 : abi.pageSize);
  if (!PAGE_SIZES.includes(pageSize))
    throw buildError(
      'build-value',
      'page_size',
      `a page has ${PAGE_SIZES.join(', ')} bytes, not ${pageSize}`,
    );
  if (abi === ABIS.x86_64 && pageSize !== 4096)
    throw buildError('build-value', 'page_size', 'pages of x86_64 have 4096 bytes; aarch64 has larger ones');
  return pageSize === abi.pageSize ? abi : withParts(abi, { pageSize });
}

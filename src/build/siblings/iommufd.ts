/** Builds iommufds: the page tables that were marked, each with the token it was given and its domain. */
import {
  IOMMUFD_PROFILES,
  IommufdSer,
  IommufdSerB,
  IommufdSerR1,
  type IommufdValue,
} from '../../formats/iommufd/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Describer } from '../handover/describer.js';
import type { FileBuilder } from '../handover/extension.js';
import type { Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { choice, field, list, needed, object, text, word } from '../spec/shape.js';
import { wordOf } from '../words.js';
import { type BlockSpec, blockShape, buildBlock, describeBlock } from './block.js';

export interface HwptSpec {
  /** What userspace named it by. */
  readonly token: Word;
  /** The domain, by the name that it has in the spec of the IOMMU. */
  readonly domain?: string;
  /** The same by the physical address of its iommu_domain_ser. */
  readonly domain_data?: Word;
}
export const IOMMUFD_BUILDS = ['C', 'B', 'R1'] as const;
export interface IommufdSpec {
  /** C if not given: of spring 2026 and later. */
  readonly layout?: (typeof IOMMUFD_BUILDS)[number];
  readonly hwpts?: readonly HwptSpec[];
  /** Of R1, which has nothing else. */
  readonly folio?: BlockSpec;
}

/** What the names of domains begin with where addresses have names. */
const DOMAINS = 'iommu.domains.';
/** Bytes at the start of each page of the array of domains. */
const BLOCK_HEADER = 16n;

export const iommufdBuilder: FileBuilder = {
  key: 'iommufd',
  field: field(
    object('iommufd', 'An iommufd', {
      layout: field(
        choice(IOMMUFD_BUILDS),
        '`C` if not given; `B` with IOMMU state up to B, `R1` of the RFC',
      ),
      hwpts: field(
        list(
          object('a page table', 'A page table that was marked', {
            token: needed(word, 'what userspace named it by'),
            domain: field(text, 'the name of its domain in the IOMMU of the spec'),
            domain_data: field(word, 'its domain, by the physical address of the iommu_domain_ser'),
          }),
        ),
        'none if not given',
      ),
      folio: field(blockShape, 'of `R1`, which has no page tables'),
    }),
    'an iommufd',
  ),
  compatible: () => 'iommufd-v1',
  build: (value, builder, place) => {
    // The spec of a file says that this key has the type.
    const spec = value as IommufdSpec;
    const { layout = 'C', hwpts = [], folio } = spec;
    const path = `${place.path}.iommufd`;
    if (layout === 'R1') return buildFolio(spec, builder, path);
    if (folio !== undefined)
      throw buildError('build-value', `${path}.folio`, 'only the layout R1 has a folio');
    const tokens = tokensOf(hwpts, layout, `${path}.hwpts`);
    const entries = () => {
      const domains = domainsOf(hwpts, builder, `${path}.hwpts`);
      return tokens.map((token, i) => ({ token, domain_data: domains[i] ?? 0n }));
    };
    const profile = IOMMUFD_PROFILES.find(({ name }) => name === layout);
    const size = (profile?.header ?? 0) + hwpts.length * (profile?.entry ?? 0);
    const region =
      layout === 'C'
        ? builder.object(path, IommufdSer, size, () => ({
            nr_hwpts: BigInt(hwpts.length),
            hwpts: entries().map((entry) => ({ ...entry, reclaimed: 0 })),
          }))
        : builder.object(path, IommufdSerB, size, () => ({
            nr_hwpts: hwpts.length,
            hwpts: entries().map(({ token, domain_data }) => ({
              token: Number(token),
              domain_data,
              reclaimed: 0,
            })),
          }));
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'iommufd-v1' ? {} : { compatible }),
  describe: (value, describer, { path }) => {
    // What the decoder of iommufds gives under this key.
    const { profile, hwpts, folio } = value as IommufdValue;
    const layout = IOMMUFD_BUILDS.find((name) => name === profile);
    return {
      ...(layout === undefined || layout === 'C' ? {} : { layout }),
      ...(hwpts.length === 0
        ? {}
        : {
            hwpts: hwpts.map(({ token, domain_data }, i) => ({
              token,
              ...domainFor(domain_data, describer, `${path}.iommufd.hwpts[${i}]`),
            })),
          }),
      ...(folio === undefined || folio === 0n
        ? {}
        : { folio: describeBlock(folio, describer, `${path}.iommufd.folio`) }),
    } satisfies IommufdSpec;
  },
};

function buildFolio({ hwpts, folio }: IommufdSpec, builder: HandoverBuilder, path: string): () => bigint {
  if (hwpts !== undefined && hwpts.length > 0)
    throw buildError('build-value', `${path}.hwpts`, 'the layout R1 has no page tables');
  const block: Region | undefined =
    folio === undefined ? undefined : buildBlock(folio, builder, `${path}.folio`);
  const region = builder.object(path, IommufdSerR1, builder.abi.pointerSize, () => ({
    folio: block?.address ?? 0n,
  }));
  return () => region.address;
}

function tokensOf(hwpts: readonly HwptSpec[], layout: 'B' | 'C', path: string): bigint[] {
  const seen = new Set<bigint>();
  return hwpts.map((hwpt, i) => {
    const where = `${path}[${i}].token`;
    const token = wordOf(hwpt.token, where);
    if (layout === 'B' && token >= 1n << 32n)
      throw buildError('build-value', where, `tokens of the layout B have 32 bits, and ${token} has more`);
    if (seen.has(token))
      throw buildError('build-value', where, `a page table before it has the token ${token} too`);
    seen.add(token);
    return token;
  });
}

/** Runs when all addresses are known. */
function domainsOf(hwpts: readonly HwptSpec[], builder: HandoverBuilder, path: string): bigint[] {
  const seen = new Set<bigint>();
  return hwpts.map(({ domain, domain_data }, i) => {
    const where = `${path}[${i}]`;
    if ((domain === undefined) === (domain_data === undefined))
      throw buildError('build-value', where, 'a page table has either domain or domain_data');
    const address =
      domain === undefined
        ? wordOf(domain_data ?? 0n, `${where}.domain_data`)
        : namedDomain(domain, builder, `${where}.domain`);
    if (address % BigInt(builder.pageSize) < BLOCK_HEADER)
      throw buildError(
        'build-value',
        where,
        `there cannot be a domain at 0x${address.toString(16)}: pages of domains begin with a header`,
      );
    if (seen.has(address))
      throw buildError('build-value', where, 'a page table before it is of the same domain');
    seen.add(address);
    return address;
  });
}

function namedDomain(name: string, { named }: HandoverBuilder, path: string): bigint {
  const address = named.get(`${DOMAINS}${name}`);
  if (address !== undefined) return address();
  const known = [...named.keys()].flatMap((key) =>
    key.startsWith(DOMAINS) ? [key.slice(DOMAINS.length)] : [],
  );
  throw buildError(
    'build-value',
    path,
    `there is no domain ${JSON.stringify(name)}; ${known.length === 0 ? 'the spec names none' : `there are ${known.join(', ')}`}`,
  );
}

function domainFor(
  address: bigint,
  describer: Describer,
  path: string,
): Pick<HwptSpec, 'domain' | 'domain_data'> {
  const name = describer.named.get(address);
  if (name?.startsWith(DOMAINS) === true) return { domain: name.slice(DOMAINS.length) };
  describer.omitted.push(`which domain ${path} has: it is given by its address, 0x${address.toString(16)}`);
  return { domain_data: address };
}

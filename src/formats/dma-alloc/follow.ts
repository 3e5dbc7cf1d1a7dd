/** From a handle of the DMA API to the memory that it stands for. */
import { hasBits } from '../kho/bits.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { checkTail, chooseLayout, Evidence, isPage, type Payload, readPayload } from '../payload/index.js';
import { DMA_ALLOC_PROFILES, type DmaAllocProfile } from './profiles.js';
import { DMA_ALLOC } from './rules.js';
import { DmaAllocSerV1, DmaAllocSerV2 } from './schema.js';

/** Memory in one piece. */
export interface DmaPiece {
  readonly address: bigint;
  /** In bytes. */
  readonly length: bigint;
}
export interface DmaAllocValue {
  /** Name of the layout. */
  readonly profile: string;
  readonly because: readonly string[];
  /** In the order of the device's addresses. */
  readonly pieces: readonly DmaPiece[];
  /** In bytes. */
  readonly size: bigint;
  readonly attrs?: bigint;
  readonly force_decrypted?: number;
  readonly iova?: bigint;
  readonly is_folio?: number;
  readonly is_contiguous?: number;
}

const PAGES_AT = 18;

function evidenceOf({ name }: DmaAllocProfile, { bytes, size }: Payload, walk: Walk): Evidence {
  const evidence = new Evidence();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getBigUint64(name === 'v1' ? 0 : PAGES_AT, walk.little);
  const text = `the memory would be at ${hexText(first)}`;
  evidence.add(isPage(walk, first) ? 6 : -6, text);
  if (name === 'v1') {
    if (hasBits(bytes.subarray(25, 32))) evidence.add(-4, 'padding would not be zero');
    if (view.getUint8(24) > 1) evidence.add(-4, `force_decrypted would be ${view.getUint8(24)}`);
    if (hasBits(bytes.subarray(32))) evidence.add(-6, 'something follows at byte 32');
    return evidence;
  }
  const pages = view.getBigUint64(8, walk.little);
  const contiguous = view.getUint8(17);
  if (view.getUint8(16) > 1 || contiguous > 1) evidence.add(-4, 'flags would be neither 0 nor 1');
  if (pages === 0n) evidence.add(-4, 'there would be no page');
  else if (contiguous === 0 && pages > BigInt(Math.floor((size - PAGES_AT) / 8)))
    evidence.add(-6, `${pages} addresses would not fit`);
  return evidence;
}

/**
 * Follows a handle, the physical address of a dma_alloc_ser. Undefined, with a finding, where nothing can be read.
 * Handles that were followed before belong to somebody else and give a finding too.
 */
export function followDmaAlloc(walk: Walk, handle: bigint, path: string): DmaAllocValue | undefined {
  const payload = readPayload(walk, handle, 32, path, 'the DMA allocation', 'panic');
  if (payload === undefined) return undefined;
  const choice = chooseLayout(
    {
      part: 'dma-alloc',
      all: DMA_ALLOC_PROFILES,
      evidence: (profile) => evidenceOf(profile, payload, walk),
    },
    walk,
    path,
    handle,
  );
  if (choice === undefined) return undefined;
  const told = { profile: choice.profile.name, because: choice.because };
  return choice.profile.name === 'v1'
    ? { ...told, ...onePiece(payload, walk, path) }
    : { ...told, ...pagesOf(payload, walk, path) };
}

type Read = Omit<DmaAllocValue, 'profile' | 'because'>;

function claim(walk: Walk, { address, length }: DmaPiece, path: string): boolean {
  const pages = length / BigInt(walk.pageSize);
  const isSound =
    walk.isAligned(address) && address !== 0n && (!walk.map.complete || walk.map.covers(address, length));
  // A piece that is not preserved may be of any size; only what is preserved can be claimed.
  if (isSound && pages < 1n << 40n) walk.claims.add(walk.pfn(address), Math.max(1, Number(pages)), path);
  return isSound;
}

function onePiece(payload: Payload, walk: Walk, path: string): Read {
  const { bytes, address } = payload;
  const { page_phys, size, attrs, force_decrypted } = walk.decodeBytes(
    DmaAllocSerV1,
    bytes.subarray(0, 32),
    address,
    path,
  );
  if (force_decrypted > 1 || hasBits(bytes.subarray(25, 32)))
    walk.find(DMA_ALLOC.flag, path, address + 24n, `force_decrypted is ${force_decrypted}.`);
  const piece = { address: page_phys, length: size };
  if (size === 0n) walk.find(DMA_ALLOC.size, `${path}.size`, address + 8n, 'The size is 0.');
  else if (!claim(walk, { ...piece, length: roundUp(size, walk.pageSize) }, path))
    walk.find(
      DMA_ALLOC.page,
      `${path}.page_phys`,
      page_phys,
      `${many(size, 'byte')} at ${hexText(page_phys)} are not preserved.`,
    );
  checkTail(walk, payload, 32, path);
  return { pieces: size === 0n ? [] : [piece], size, attrs, force_decrypted };
}

function roundUp(size: bigint, pageSize: number): bigint {
  const page = BigInt(pageSize);
  return ((size + page - 1n) / page) * page;
}

function pagesOf(payload: Payload, walk: Walk, path: string): Read {
  const { bytes, address } = payload;
  const ser = walk.decodeBytes(DmaAllocSerV2, bytes.subarray(0, PAGES_AT), address, path);
  const { iova, nr_pages, is_folio, is_contiguous } = ser;
  if (is_folio > 1 || is_contiguous > 1)
    walk.find(
      DMA_ALLOC.flag,
      path,
      address + 16n,
      `is_folio is ${is_folio}, is_contiguous is ${is_contiguous}.`,
    );
  const page = BigInt(walk.pageSize);
  const size = nr_pages * page;
  const fields = { iova, is_folio, is_contiguous, size };
  if (nr_pages === 0n) {
    walk.find(DMA_ALLOC.size, `${path}.nr_pages`, address + 8n, 'There are 0 pages.');
    return { ...fields, pieces: [] };
  }
  const room = Math.floor((payload.size - PAGES_AT) / 8);
  const wanted = is_contiguous !== 0 ? 1n : nr_pages;
  if (wanted > BigInt(room)) {
    walk.find(
      DMA_ALLOC.count,
      `${path}.nr_pages`,
      address + 8n,
      `There are ${many(nr_pages, 'page')}, and room for ${many(room, 'address', 'addresses')}.`,
    );
    return { ...fields, pieces: [] };
  }
  const count = Number(wanted);
  const there = Math.min(count, Math.floor((bytes.length - PAGES_AT) / 8));
  if (there < count) walk.bytes(address, PAGES_AT + 8 * count, path, 'the addresses of the DMA allocation');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = is_contiguous !== 0 ? size : page;
  const pieces = Array.from({ length: there }, (_, i) => ({
    address: view.getBigUint64(PAGES_AT + 8 * i, walk.little),
    length,
  }));
  for (const [i, piece] of pieces.entries())
    if (!claim(walk, piece, path))
      walk.find(
        DMA_ALLOC.page,
        `${path}.pieces[${i}]`,
        piece.address,
        `${many(piece.length, 'byte')} at ${hexText(piece.address)} are not preserved.`,
      );
  checkTail(walk, payload, PAGES_AT + 8 * count, path);
  return { ...fields, pieces };
}

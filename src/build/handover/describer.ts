/** What everything that describes a handover as a spec shares. */
import type { Handover } from '../../formats/kho/index.js';
import type { PiecesOf } from './contents-of.js';
import type { ContentsSpec } from './spec.js';

export interface SpecOfOptions {
  /** Say where everything that a spec can place is; by default it is placed anew. */
  readonly addresses?: boolean;
  /** Bytes of the content of each file, region or blob that are written out; 64 KiB if not given. */
  readonly inline?: number;
}
const INLINE = 64 << 10;

/** What is passed on to those who describe parts. */
export class Describer {
  readonly handover: Handover;
  readonly addresses: boolean;
  readonly inline: number;
  readonly omitted: string[] = [];
  /** What the spec gives names to, by address: `iommu.domains.guest0`. */
  readonly named = new Map<bigint, string>();

  constructor(handover: Handover, { addresses = false, inline = INLINE }: SpecOfOptions) {
    this.handover = handover;
    this.addresses = addresses;
    this.inline = inline;
  }
  /** Contents for a spec; what was left out is noted. */
  contents(path: string, { pieces, omitted }: PiecesOf): { readonly contents?: ContentsSpec } {
    if (omitted > 0n)
      this.omitted.push(`${omitted} bytes of the contents of ${path}: there is too much of them for a spec`);
    const [first] = pieces;
    if (first === undefined) return {};
    // A text alone needs no list.
    if (pieces.length === 1 && 'text' in first && first.at === undefined && first.size === undefined)
      return { contents: first.text };
    return { contents: pieces };
  }
  /** Where something is, if the spec is to say it. */
  at(address: bigint | undefined): { readonly at?: bigint } {
    return this.addresses && address !== undefined ? { at: address } : {};
  }
}

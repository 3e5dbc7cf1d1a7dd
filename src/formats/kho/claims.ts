/** Who owns which page frames: to find memory with two owners, and preserved memory with none. */
import { Numbers } from './columns.js';
import type { PreservedMap } from './preserved.js';

/** Claims that are kept; with more, conflicts are not looked for. */
const MAX_CLAIMS = 4 << 20;

export interface Conflict {
  /** First page frame that has two owners, and how many follow. */
  readonly pfn: number;
  readonly pages: number;
  readonly first: string;
  readonly second: string;
}

export class Claims {
  readonly #start = new Numbers();
  readonly #end = new Numbers();
  readonly #owner = new Numbers();
  readonly #owners: string[] = [];
  #full = false;

  /** Whether all claims were kept. */
  get complete(): boolean {
    return !this.#full;
  }

  /** `owner` is the path of what owns the pages. */
  add(pfn: number, pages: number, owner: string): void {
    if (pages <= 0 || !Number.isFinite(pfn)) return;
    if (this.#start.length >= MAX_CLAIMS) {
      this.#full = true;
      return;
    }
    const last = this.#start.length - 1;
    if (last >= 0 && this.#owners[this.#owner.at(last)] === owner && this.#end.at(last) === pfn) {
      this.#end.set(last, pfn + pages);
      return;
    }
    if (this.#owners[this.#owners.length - 1] !== owner) this.#owners.push(owner);
    this.#start.push(pfn);
    this.#end.push(pfn + pages);
    this.#owner.push(this.#owners.length - 1);
  }

  #sorted(): Uint32Array {
    const places = Uint32Array.from({ length: this.#start.length }, (_, i) => i);
    let sorted = true;
    for (let i = 1; i < places.length && sorted; i++) sorted = this.#start.at(i - 1) <= this.#start.at(i);
    return sorted ? places : places.sort((a, b) => this.#start.at(a) - this.#start.at(b));
  }

  /** Page frames with two owners. */
  *conflicts(): Iterable<Conflict> {
    let reach = -1;
    let holder = 0;
    for (const i of this.#sorted()) {
      const start = this.#start.at(i);
      const end = this.#end.at(i);
      if (start < reach)
        yield {
          pfn: start,
          pages: Math.min(end, reach) - start,
          first: this.#owners[this.#owner.at(holder)] ?? '',
          second: this.#owners[this.#owner.at(i)] ?? '',
        };
      if (end > reach) {
        reach = end;
        holder = i;
      }
    }
  }

  /** Pages of the map that nobody claims. */
  unclaimed(map: PreservedMap): { readonly pages: number; readonly first: number | undefined } {
    const places = this.#sorted();
    let pages = 0;
    let first: number | undefined;
    let next = 0;
    // Claims that reach beyond a range may also cover parts of the following ones.
    let reach = 0;
    for (const range of map) {
      const start = Number(range.address / BigInt(map.pageSize));
      const end = start + range.count * 2 ** range.order;
      let at = Math.max(start, reach);
      for (;;) {
        const place = places[next];
        if (place === undefined || this.#start.at(place) >= end) break;
        const from = this.#start.at(place);
        const to = this.#end.at(place);
        if (from > at) {
          pages += from - at;
          first ??= at;
        }
        if (to > at) at = to;
        if (to > reach) reach = to;
        next++;
      }
      if (at < end) {
        pages += end - at;
        first ??= at;
      }
    }
    return { pages, first };
  }
}
